"""An endpoint of Alice's tenant with test tools, and a worker that serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    InstantHandler,
    ToolDraft,
    ToolHandler,
    ToolResult,
    Workshop,
    detached,
    text_result,
)
from mcp_runtime.sources.conversation import Elicit
from mcp_runtime.sources.registry import SOURCES
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tenants.models import Tenant, User
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, make_user, unique
from tests.entitled import entitle
from tests.mcp_runtime.driving import Client, in_console, serving
from tests.mcp_runtime.sockets import at_socket


@dataclass
class Probe:
    """A tool source whose tools do what a test needs; `started` and `cancelled` tell of the waiting tool."""

    kind: str = "probe"
    title: str = "Probe"
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    contexts: list[CallContext] = field(default_factory=list)

    def check(self, draft: ToolDraft) -> ToolDraft:
        """Takes anything."""
        return draft

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The behaviour that `config["do"]` names."""
        if tool.config["do"] == "instantly":
            return detached(tool, InstantHandler(self.instantly))
        behaviour: ToolHandler = getattr(self, tool.config["do"])

        async def handle(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
            self.contexts.append(context)
            return await behaviour(context, {**arguments, **secrets})

        return detached(tool, handle)

    def instantly(self, arguments: dict[str, Any]) -> ToolResult:
        """Answers its arguments without waiting; fails where it is told to."""
        if arguments.get("fail"):
            raise RuntimeError("told to fail")
        return ToolResult([{"type": "text", "text": str(arguments)}], structured=arguments, has_structured=True)

    async def echo(self, _context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """Answers its arguments."""
        return ToolResult([{"type": "text", "text": str(arguments)}], structured=arguments, has_structured=True)

    async def wait(self, _context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        """Waits until it may go on."""
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return text_result("went on")

    async def report(self, context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        """Reports progress before it has waited for anything."""
        await context.conversation.progress(1, 2)
        return text_result("half done")

    async def ask(self, context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        """Asks for a name."""
        form = {"type": "object", "properties": {"name": {"type": "string"}}}
        answers = await context.conversation.ask({"name": Elicit("Who?", form)})
        return text_result(str(answers["name"]))

    async def crash(self, _context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        """Fails as our own code may."""
        raise RuntimeError("a detail that stays here")


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The probe source, registered for one test."""
    source = Probe()
    monkeypatch.setitem(SOURCES, source.kind, source)
    return source


@dataclass
class Stage:
    """An endpoint, its owner, and a key for it."""

    tenant: Tenant
    owner: User
    endpoint: Endpoint
    key: str
    access_key: AccessKey

    @property
    def path(self) -> str:
        """Where the endpoint is reached."""
        return f"/t/{self.tenant.slug}/{self.endpoint.slug}/mcp"

    def at(self, transport: str) -> str:
        """Where the endpoint is reached over another transport."""
        return f"{self.path.removesuffix('mcp')}{transport}"

    @property
    def actor(self) -> Actor:
        """Alice, for a test that is inside the tenant's context."""
        return Cast.acting_inside(self.owner, self.tenant)

    async def change[T](self, work: Callable[[Actor], T]) -> T:
        """Does as the owner what `work` does, in the tenant's context and beside the workers."""

        def inside() -> T:
            with tenant_context(self.tenant.id):
                return work(self.actor)

        return await in_console(inside)

    def client(self, worker: Worker, **options: Any) -> Client:
        """A client that presents the endpoint's key."""
        return Client(worker, **{"path": self.path, "key": self.key, **options})

    def add_tool(self, name: str, do: str = "echo", **draft: Any) -> None:
        """A further tool of the probe source."""
        with tenant_context(self.tenant.id):
            add_tool(self.actor, self.endpoint.slug, name, do, **draft)

    def issue_key(self, **options: Any) -> tuple[AccessKey, str]:
        """A further key."""
        with tenant_context(self.tenant.id):
            return access_key_issue(actor=self.actor, endpoint_slug=self.endpoint.slug, name="further", **options)


def add_tool(actor: Actor, endpoint_slug: str, name: str, do: str = "echo", **draft: Any) -> None:
    """A tool of the probe source, made inside the tenant's context."""
    config = {"do": do, **draft.pop("config", {})}
    schema = draft.pop("input_schema", {"type": "object"})
    whole = ToolDraft(name=name, input_schema=schema, config=config, **draft)
    tool_create(actor=actor, endpoint_slug=endpoint_slug, source="probe", draft=whole)


def make_stage(tenant: Tenant, owner: User, **options: Any) -> Stage:
    """An endpoint with the tools echo, wait and crash."""
    with tenant_context(tenant.id):
        actor = Cast.acting_inside(owner, tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("e"), name="Demo", **options)
        for name in ("echo", "wait", "crash"):
            add_tool(actor, endpoint.slug, name, name)
        access_key, key = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="laptop")
    return Stage(tenant, owner, endpoint, key, access_key)


@pytest.fixture
def stage(cast: Cast, probe: Probe) -> Stage:
    """Alice's endpoint."""
    return make_stage(cast.tenant, cast.alice)


@pytest.fixture
def open_stage(cast: Cast, probe: Probe) -> Stage:
    """An endpoint that anyone may call."""
    return make_stage(cast.tenant, cast.alice, access="open", allowed_origins=["https://app.example.com"])


@pytest.fixture(scope="module")
def path() -> str:
    """Where a conformance endpoint is reached: one for all the tests of a module, whose plan they do not exhaust."""
    owner = make_user("owner")
    tenant = tenant_create(owner=owner, name="Acme", slug=unique("acme"))
    with tenant_context(tenant.id):
        entitle(tenant.id, "unlimited")
        endpoint = conformance_endpoint(actor=Cast.acting_inside(owner, tenant))
    return f"/t/{tenant.slug}/{endpoint.slug}/mcp"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A worker that listens."""
    async with serving(Worker()) as worker:
        yield worker


@pytest.fixture
async def other_worker() -> AsyncIterator[Worker]:
    """A second worker, as on another machine."""
    async with serving(Worker()) as worker:
        yield worker


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """The host and port of a worker at a socket."""
    async with at_socket(Worker()) as origin:
        yield origin


@pytest.fixture
async def other_origin() -> AsyncIterator[str]:
    """Those of a second worker, as on another machine."""
    async with at_socket(Worker()) as origin:
        yield origin
