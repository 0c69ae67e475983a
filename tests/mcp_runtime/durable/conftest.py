"""A worker that accepts tasks, and runners that run them, in loops of their own as their process has them."""

import json
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.durable.thread import RunnerThread
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.worker import Worker
from tenants.models import User
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, unique
from tests.entitled import entitle
from tests.mcp_runtime.driving import CAPABILITIES, Answer, Client, Exchange, eventually, modern, whole

TASKS = "io.modelcontextprotocol/tasks"
ABLE: dict[str, Any] = {"extensions": {TASKS: {}}, "elicitation": {"form": {}}}


@dataclass
class TaskClient:
    """A client of 2026-07-28 that knows tasks."""

    client: Client
    capabilities: dict[str, Any]

    def open(self, method: str, params: dict[str, Any]) -> Exchange:
        """A request without waiting for its answer."""
        message, headers = modern(method, params)
        message["params"]["_meta"][CAPABILITIES] = self.capabilities
        if "taskId" in params:
            headers["mcp-name"] = params["taskId"]
        return self.client.open(body=json.dumps(message).encode(), headers=headers)

    async def ask(self, method: str, **params: Any) -> Answer:
        """A request and its whole answer."""
        return await whole(self.open(method, params))

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of tools/call."""
        answer = await self.ask("tools/call", name=tool, arguments=arguments)
        assert answer.status == 200, answer.body
        result: dict[str, Any] = answer.json["result"]
        return result

    async def task(self, task_id: str) -> dict[str, Any]:
        """The result of tasks/get."""
        result: dict[str, Any] = (await self.ask("tasks/get", taskId=task_id)).json["result"]
        return result

    async def until(self, task_id: str, status: str) -> dict[str, Any]:
        """The task, once it has this status; fails when it does not get there within the bound."""
        state: dict[str, Any] = {}

        async def there() -> bool:
            state.update(await self.task(task_id))
            return bool(state["status"] == status)

        await eventually(there)
        return state


@dataclass(frozen=True)
class Home:
    """Where a conformance endpoint is, which has tools of every kind; whose it is."""

    tenant_id: uuid.UUID
    path: str


def make_home() -> Home:
    """A tenant with a conformance endpoint."""
    owner = User.objects.create_user(f"{unique('owner')}@example.com", name="Owner")
    tenant = tenant_create(owner=owner, name="Acme", slug=unique("tasks"))
    with tenant_context(tenant.id):
        entitle(tenant.id, "unlimited")
        endpoint = conformance_endpoint(actor=Cast.acting_inside(owner, tenant))
    return Home(tenant.id, f"/t/{tenant.slug}/{endpoint.slug}/mcp")


@pytest.fixture(scope="module")
def home() -> Home:
    """One for all the tests of a module: tasks are in nobody's way."""
    return make_home()


@pytest.fixture
def path(home: Home) -> str:
    """Where that endpoint is reached."""
    return home.path


@pytest.fixture
def able(path: str, worker: Worker) -> TaskClient:
    """A client that knows tasks, and can be asked by forms."""
    return TaskClient(Client(worker, path), ABLE)


@contextmanager
def running() -> Iterator[RunnerThread]:
    """A process's worth of running tasks, without a broker in between: what is heard of is run."""
    thread = RunnerThread(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    with ThreadPoolExecutor(8) as pool:
        thread.send_out(lambda tenant_id, task_id: pool.submit(thread.run, tenant_id, task_id))
        yield thread
        thread.stop()


@pytest.fixture
def runner() -> Iterator[RunnerThread]:
    """One that runs from the start."""
    with running() as thread:
        yield thread
