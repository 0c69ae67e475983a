"""An upstream that members connect each for themselves: there while it asks for a login, whoever has none is told."""

from typing import Any

import pytest

from mcp_runtime.models import HealthEvent, ImportRun, Upstream
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.sources.contract import CallContext, ToolHandler, ToolResult
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Discovery, Health, Line, OpenUpstream, UpstreamDraft, UpstreamFailed
from mcp_runtime.worker import Worker
from tenants.models import Connection, Membership, Role
from tests.conftest import make_user
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.upstreams.conftest import SLUG, Desk
from tests.mcp_runtime.upstreams.paper import Paper, Sheet, tool
from tests.stored_connection import DESTINATION, stored_connection

ENDED: dict[str, Any] = {"state": "needs_login", "sealed": "", "expires_at": None}
WANTS_A_LOGIN = UpstreamFailed("It wants somebody to log in.", Health.NEEDS_LOGIN)


class Guarded(Paper):
    """It answers those who bring a token; `away`: nobody."""

    away = False
    tokens: list[str | None]

    def __init__(self) -> None:
        super().__init__()
        self.tokens = []

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """Takes anything."""
        return draft

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """Opens one."""
        return GuardedSheet(self, line)


class GuardedSheet(Sheet):
    """An open one."""

    paper: Guarded

    async def probe(self) -> None:
        """Asks for a token, as every kind does."""
        await self._enter("")

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """Does the same for a caller."""

        async def handle(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
            await self._enter(context.principal)
            return ToolResult([])

        return handle

    async def _enter(self, principal: str) -> None:
        token = await self.line.credentials.token(principal)
        self.paper.tokens.append(token)
        if self.paper.away:
            raise UpstreamFailed("It refuses connections.")
        if token is None:
            raise WANTS_A_LOGIN


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    """The kind of upstream, registered for one test."""
    source = Guarded()
    monkeypatch.setitem(UPSTREAM_SOURCES, source.kind, source)
    return source


def _made(desk: Desk, *, personal: bool = True, **draft: Any) -> Upstream:
    desk.paper.discovery = Discovery([tool("find")])
    upstream = desk.create(config={"url": DESTINATION}, **draft)
    desk.run(approves_clean=True)
    desk.inside(lambda _actor: _connect(desk, upstream, personal=personal))
    return upstream


def _connect(desk: Desk, upstream: Upstream, *, personal: bool) -> None:
    tenant = desk.stage.tenant
    made = stored_connection(tenant, f"https://127.0.0.1:9/{personal}", "login", holder=upstream.pk)
    if personal:
        member = make_user("dora")
        Membership.objects.create(tenant=tenant, user=member, role=Role.DEVELOPER)
        Connection.objects.filter(pk=made.pk).update(user=member)


def _probed(desk: Desk, upstream: Upstream, times: int = 2) -> str:
    for _time in range(times):
        probes_perform([(upstream.tenant_id, upstream.pk)])
    return desk.inside(lambda _actor: Upstream.objects.get(pk=upstream.pk).health)


def test_that_it_asks_for_a_login_says_that_it_is_there(desk: Desk, paper: Guarded) -> None:
    upstream = _made(desk)
    assert _probed(desk, upstream) == "ok"
    # No member lent the platform a token for this.
    assert paper.tokens == [None, None]
    assert desk.inside(lambda _actor: HealthEvent.objects.filter(upstream=upstream).exists()) is False


def test_an_outage_is_one_all_the_same_and_so_is_its_end(desk: Desk, paper: Guarded) -> None:
    upstream = _made(desk)
    paper.away = True
    assert _probed(desk, upstream) == "down"
    paper.away = False
    assert _probed(desk, upstream) == "ok"


def test_the_tenants_own_login_is_used_and_its_end_needs_a_login(desk: Desk, paper: Guarded) -> None:
    upstream = _made(desk, personal=False)
    assert _probed(desk, upstream) == "ok"
    assert paper.tokens == ["access-login", "access-login"]
    desk.inside(lambda _actor: Connection.objects.filter(holder=upstream.pk).update(**ENDED))
    assert _probed(desk, upstream, 1) == "needs_login"


def test_what_is_not_shown_to_looks_is_not_imported_by_them(desk: Desk, paper: Guarded) -> None:
    upstream = _made(desk)
    desk.inside(lambda _actor: Upstream.objects.update(discovered_at="2026-01-01T00:00:00Z"))
    desk.inside(lambda _actor: ImportRun.objects.all().delete())
    _probed(desk, upstream)
    assert desk.inside(lambda _actor: ImportRun.objects.filter(upstream=upstream).count()) == 0


def test_a_secret_of_the_tenants_that_may_be_what_is_refused_needs_a_login(desk: Desk, paper: Guarded) -> None:
    upstream = _made(desk, secrets={"X-Key": "k"})
    assert _probed(desk, upstream, 1) == "needs_login"


async def test_who_has_no_login_is_told_where_to_make_one(desk: Desk, paper: Guarded, worker: Worker) -> None:
    await in_console(lambda: _probed(desk, _made(desk)))
    client = desk.stage.client(worker)
    listed = (await client.modern("tools/list")).json["result"]
    assert "connect_pets" not in {item["name"] for item in listed["tools"]}
    params = {"name": "pets_find", "arguments": {"id": 1}}
    result = (await client.modern("tools/call", params)).json["result"]
    assert result["isError"] is True
    (block,) = result["content"]
    assert block["text"].startswith("Pets: Somebody has to log in. Open http")
    assert SLUG in block["text"]
