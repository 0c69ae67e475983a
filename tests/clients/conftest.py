"""A runtime with two workers, as it runs in production, and an endpoint on it with the demo tools."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from core.embedded.postgres import free_port
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Endpoint
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.contract import ToolDraft
from tenants.models import Tenant, User
from tests.clients.everything import Everything, make_everything
from tests.clients.typescript_driver import SOURCE
from tests.conftest import Cast, unique
from tests.mcp_runtime.driving import in_console
from tests.node_packages import NoRegistry, installed
from tests.processes import eventually
from tests.servers import ROOT
from tests.witness.plugin import report
from tests.witness.worker import REPORT

WORKERS = 2
START_SECONDS = 60  # on a machine that is busy otherwise
STOP_SECONDS = 10


@dataclass(frozen=True)
class Demo:
    """An endpoint of Alice's that has every built-in function as a tool, and a key for it."""

    url: str
    key: str
    tenant: Tenant
    alice: User
    endpoint: Endpoint

    async def make_tool(self, name: str, function: str) -> None:
        """What Alice does in the console while clients are connected."""
        await in_console(lambda: self._make_tool(name, function))

    def _make_tool(self, name: str, function: str) -> None:
        with tenant_context(self.tenant.id):
            actor = Cast.acting_inside(self.alice, self.tenant)
            draft = ToolDraft(name=name, config={"function": function})
            tool_create(actor=actor, endpoint_slug=self.endpoint.slug, source="builtin", draft=draft)


@pytest.fixture(scope="session")
def witness_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runtime writes what is wrong with its messages."""
    path = tmp_path_factory.mktemp("witness") / "report"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def _what_the_runtime_reports(witness_report: Path) -> Iterator[None]:
    yield
    for complaint in witness_report.read_text(encoding="utf-8").splitlines():
        report(complaint)
    witness_report.write_text("", encoding="utf-8")


@pytest.fixture(scope="session")
def runtime(witness_report: Path) -> Iterator[str]:
    """The origin of a runtime of two workers."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    server = ["uvicorn", "--factory", "tests.witness.worker:witnessed_worker"]
    with subprocess.Popen(
        [sys.executable, "-m", *server, "--workers", str(WORKERS), "--port", str(port), "--log-level", "warning"],
        cwd=ROOT,
        env=os.environ | {"RUNTIME_URL": origin, REPORT: str(witness_report)},
        start_new_session=True,
    ) as process:
        try:
            eventually(lambda: process.poll() is not None or _answers(origin), START_SECONDS)
            assert process.poll() is None
            yield origin
        finally:
            process.terminate()
            _collect(process)


def _answers(origin: str) -> bool:
    try:
        return httpx.get(f"{origin}/").status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False


def _collect(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


@pytest.fixture
def conformance_url(cast: Cast, runtime: str) -> str:
    """An open endpoint on the runtime, with everything that a server can offer."""
    with tenant_context(cast.tenant.id):
        endpoint = conformance_endpoint(actor=Cast.acting_inside(cast.alice, cast.tenant))
    return runtime + mcp_path(cast.tenant.slug, endpoint.slug)


@pytest.fixture
def demo(cast: Cast, runtime: str) -> Demo:
    """A fresh endpoint on the runtime."""
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("demo"), name="Demo")
        for name in CATALOGUE:
            draft = ToolDraft(name=name, config={"function": name})
            tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)
        _access_key, key = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="client")
    url = runtime + mcp_path(cast.tenant.slug, endpoint.slug)
    return Demo(url, key, cast.tenant, cast.alice, endpoint)


@pytest.fixture(scope="session", params=["open", "key"])
def everything(request: pytest.FixtureRequest, runtime: str) -> Everything:
    """An endpoint with everything, open to anyone, and then one that wants a key."""
    return make_everything(runtime, request.param)


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the TypeScript clients are installed; without them and without a registry only CI insists on them."""
    try:
        return installed(SOURCE)
    except NoRegistry as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))
