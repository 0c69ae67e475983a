"""A service that hand-written tools call, the whole way: added, imported, probed, named where it does not answer."""

import socket

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import Upstream
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, in_console
from tests.mcp_runtime.upstreams.test_queries import imported
from tests.told_host import Host, host

__all__ = ["host"]


def _probed(stage: Stage) -> None:
    with tenant_context(stage.tenant.id):
        pairs = [(stage.tenant.id, Upstream.objects.get(slug="their").pk)]
    probes_perform(pairs)


async def test_a_service_that_answers_no_more_is_named_in_the_list(
    stage: Stage, worker: Worker, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.says("/health", {"well": True})
    assert await imported(stage, "http", config={"url": f"{host.origin}/health"}) == "HTTP"
    with socket.create_server(("127.0.0.1", 0)) as unanswered:
        nobody = unanswered.getsockname()[1]
    monkeypatch.setenv("OUTBOUND_ALLOW", f"127.0.0.1:{nobody}")

    def moved() -> None:
        with tenant_context(stage.tenant.id):
            Upstream.objects.filter(slug="their").update(config={"url": f"http://127.0.0.1:{nobody}/health"})

    await in_console(moved)
    for _ in range(2):
        await in_console(lambda: _probed(stage))

    async def named() -> bool:
        listed = (await stage.client(worker).modern("tools/list")).json["result"]
        notes = listed.get("_meta", {}).get("com.armstrong/upstreams", [])
        return [(note["upstream"], note["state"]) for note in notes] == [("their", "down")]

    await eventually(named)
