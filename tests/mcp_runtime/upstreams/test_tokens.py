"""Access tokens at a worker: the caller's own, kept sealed, and gone as soon as somebody disconnects."""

from dataclasses import dataclass
from typing import Any

import pytest

from mcp_runtime.models import Upstream
from mcp_runtime.services.upstreams import upstream_delete
from mcp_runtime.sources.contract import CallContext, ToolHandler, ToolResult
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Discovery, Line, OpenUpstream
from mcp_runtime.worker import Worker
from tenants.models import Connection, Revocation
from tenants.vault.revocations import connection_disconnect
from tests.mcp_runtime.driving import Client, eventually, in_console
from tests.mcp_runtime.upstreams.conftest import SLUG, Desk
from tests.mcp_runtime.upstreams.paper import Paper, Sheet, tool
from tests.stored_connection import DESTINATION, stored_connection


class Borrowing(Paper):
    """Its tools answer the token that they would send."""

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """Opens one."""
        return BorrowingSheet(self, line)


class BorrowingSheet(Sheet):
    """An open one."""

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """Answers the token."""

        async def handle(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
            token = await self.line.credentials.token(context.principal)
            return ToolResult([], structured={"token": token}, has_structured=True)

        return handle


@dataclass
class Borrower:
    """A client that calls the tool."""

    client: Client

    async def token(self) -> str:
        """The token, or why there is none."""
        params = {"name": "pets_find", "arguments": {"id": 1}}
        result = (await self.client.modern("tools/call", params)).json["result"]
        return str(result["content"][0]["text"] if result.get("isError") else result["structuredContent"]["token"])


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    """The kind of upstream, registered for one test."""
    source = Borrowing()
    monkeypatch.setitem(UPSTREAM_SOURCES, source.kind, source)
    return source


async def _borrower(desk: Desk, paper: Paper, worker: Worker) -> tuple[Borrower, Upstream]:
    def work() -> Upstream:
        paper.discovery = Discovery([tool("find")])
        made = desk.create(config={"url": DESTINATION})
        desk.run(approves_clean=True)
        return made

    return Borrower(desk.stage.client(worker)), await in_console(work)


async def _connected(desk: Desk, upstream: Upstream, label: str = "first") -> Connection:
    tenant = desk.stage.tenant
    issuer = f"https://127.0.0.1:9/{label}"
    return await in_console(
        lambda: desk.inside(lambda _actor: stored_connection(tenant, issuer, label, holder=upstream.pk))
    )


async def test_a_call_borrows_the_connections_token_until_it_is_disconnected(
    desk: Desk, paper: Paper, worker: Worker
) -> None:
    borrower, upstream = await _borrower(desk, paper, worker)
    assert await borrower.token() == "None"
    connection = await _connected(desk, upstream)

    async def lends() -> bool:
        return await borrower.token() == "access-first"

    await eventually(lends)
    await desk.stage.change(lambda actor: connection_disconnect(actor=actor, connection_id=connection.pk))

    async def lends_no_more() -> bool:
        return "Somebody has to log in" in await borrower.token()

    await eventually(lends_no_more)


async def test_a_worker_keeps_nothing_in_clear(desk: Desk, paper: Paper, worker: Worker) -> None:
    borrower, upstream = await _borrower(desk, paper, worker)
    await _connected(desk, upstream, "sealed-away")

    async def lends() -> bool:
        return await borrower.token() == "access-sealed-away"

    await eventually(lends)
    running = worker._running  # noqa: SLF001  what a worker keeps has no edge of its own
    assert running is not None
    held = running.upstreams.vault.holding._held  # noqa: SLF001
    assert (str(desk.stage.tenant.id), str(upstream.pk)) in held
    assert "access-sealed-away" not in str([tuple(found.accounts.items()) for found in held.values()])


async def test_a_deleted_upstream_takes_its_connections_along(desk: Desk, paper: Paper, worker: Worker) -> None:
    _, upstream = await _borrower(desk, paper, worker)
    await _connected(desk, upstream)
    slug = desk.stage.endpoint.slug
    await desk.stage.change(lambda actor: upstream_delete(actor=actor, endpoint_slug=slug, slug=SLUG))

    def left() -> tuple[int, int]:
        return desk.inside(lambda _actor: (Connection.objects.count(), Revocation.objects.count()))

    assert await in_console(left) == (0, 1)


async def test_an_upstream_that_moves_does_not_take_its_token_along(desk: Desk, paper: Paper, worker: Worker) -> None:
    borrower, upstream = await _borrower(desk, paper, worker)
    await _connected(desk, upstream)
    await in_console(lambda: desk.update(config={"url": "https://evil.example.net"}))

    async def lends_nothing() -> bool:
        return await borrower.token() == "None"

    await eventually(lends_nothing)
