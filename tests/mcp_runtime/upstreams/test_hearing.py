"""What real upstream servers of both eras tell of reaches whoever subscribed, through running workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from core.tenancy import tenant_context
from mcp_runtime.models import Definition, ImportRun, Upstream, UpstreamSchedule
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import RELOOK_PAUSE, import_start, relook_where_due
from mcp_runtime.services.stopping import endpoint_stop
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create, upstream_delete
from mcp_runtime.sources.upstream import UpstreamDraft
from mcp_runtime.upstreams import hearing
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, Exchange, eventually, in_console
from tests.mcp_runtime.features.conftest import message_of, open_able
from tests.mcp_runtime.sources.mcp.opening import serving
from tests.mcp_runtime.upstreams.bell import OTHER, URI, Bell

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

UPDATED = "notifications/resources/updated"
SLUG = "bell"


@dataclass
class Tower:
    """Alice's endpoint with the bell behind it, whose server can be stopped and started again at its address."""

    stage: Stage
    bell: Bell
    transport: str
    port: int = 0
    upstream: Upstream = field(init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Starts the server."""
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stop.clear()

        async def run() -> None:
            async with serving(self.bell.app(), self.port) as origin:
                started.set_result(origin)
                await self._stop.wait()
                self.bell.shut()

        self._task = asyncio.create_task(run())
        self.port = urlsplit(await started).port or 0

    async def stop(self) -> None:
        """Stops it."""
        self._stop.set()
        if self._task is not None:
            await self._task

    def imports(self) -> None:
        """Has the endpoint offer all that there is."""
        config = {"url": f"http://127.0.0.1:{self.port}/mcp", "transport": self.transport}
        with tenant_context(self.stage.tenant.id):
            named: Any = {"actor": self.stage.actor, "endpoint_slug": self.stage.endpoint.slug}
            fields = UpstreamFields("Bell", draft=UpstreamDraft(config=config))
            self.upstream = upstream_create(**named, slug=SLUG, kind="mcp", fields=fields)
            run = import_start(**named, upstream_slug=SLUG, approves_clean=True)
        import_perform(run.tenant_id, run.pk)


@pytest.fixture(params=["session", "stateless"])
async def tower(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tower]:
    """The tower, with servers of both eras."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    tower = Tower(stage, Bell(), request.param)
    await tower.start()
    await in_console(tower.imports)
    yield tower
    await tower.stop()


@asynccontextmanager
async def new_client(stage: Stage, worker: Worker, *uris: str) -> AsyncIterator[Exchange]:
    """A client of 2026-07-28 that listens."""
    wanted = {"toolsListChanged": True, "resourceSubscriptions": list(uris)}
    stream = open_able(stage.client(worker), "subscriptions/listen", {"notifications": wanted})
    assert await stream.start() == 200
    assert message_of(await stream.frame())["params"]["notifications"].get("resourceSubscriptions", []) == sorted(uris)
    yield stream
    if not stream.task.done():
        await stream.leave()


@asynccontextmanager
async def old_client(
    stage: Stage, worker: Worker, posts_to: Worker, *uris: str
) -> AsyncIterator[tuple[Exchange, Client]]:
    """A client with a session, whose stream is at one worker, and whose subscriptions are made at another."""
    client = stage.client(posts_to)
    await client.initialize()
    stream = stage.client(worker, session=client.session).open("GET", headers={"accept": "text/event-stream"})
    assert await stream.start() == 200
    for uri in uris:
        assert (await client.legacy("resources/subscribe", {"uri": uri})).json["result"] == {}
    yield stream, client
    if not stream.task.done():
        await stream.leave()


async def _uri(stream: Exchange) -> str:
    message = message_of(await stream.frame())
    assert message["method"] == UPDATED
    return str(message["params"]["uri"])


async def test_an_update_reaches_those_who_subscribed_to_it_and_nobody_else(
    tower: Tower, worker: Worker, other_worker: Worker
) -> None:
    stage = tower.stage
    async with AsyncExitStack() as stack:
        new = await stack.enter_async_context(new_client(stage, worker, URI))
        other = await stack.enter_async_context(new_client(stage, worker, OTHER))
        await tower.bell.watches(today=1, other=1)
        old, _client = await stack.enter_async_context(old_client(stage, other_worker, worker, URI))
        await tower.bell.watches(today=2, other=1)
        await tower.bell.update(URI)
        assert (await _uri(new), await _uri(old)) == (URI, URI)
        await tower.bell.update(OTHER)
        assert await _uri(other) == OTHER
        await tower.bell.update(URI)
        assert (await _uri(new), await _uri(old)) == (URI, URI)
        assert (new.outgoing.qsize(), other.outgoing.qsize()) == (0, 0)


async def test_what_a_template_names_is_watched_too(tower: Tower, worker: Worker) -> None:
    async with new_client(tower.stage, worker, "day://monday") as stream:
        await tower.bell.watches(day=1)
        await tower.bell.update("day://monday")
        assert await _uri(stream) == "day://monday"


async def test_the_last_one_who_goes_ends_it(tower: Tower, worker: Worker, other_worker: Worker) -> None:
    async with old_client(tower.stage, worker, other_worker, URI) as (_stream, client):
        async with new_client(tower.stage, worker, URI, OTHER):
            await tower.bell.watches(today=1, other=1)
        await tower.bell.watches(today=1, other=0)
        assert (await client.legacy("resources/unsubscribe", {"uri": URI})).json["result"] == {}
        await tower.bell.watches(today=0)


async def test_nothing_is_listened_to_when_nobody_listens(tower: Tower, worker: Worker) -> None:
    async with new_client(tower.stage, worker):
        await eventually(lambda: _hears(worker, 1))
    await eventually(lambda: _hears(worker, 0))
    await tower.bell.is_listened_to(0)


async def test_streams_to_upstreams_are_bounded_and_given_when_there_is_room(
    tower: Tower, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MAXIMUM_OF_TENANT", 0)
    async with new_client(tower.stage, worker, URI):
        await eventually(lambda: _knows_of_endpoints(worker))
        assert await _hears(worker, 0)
        monkeypatch.setattr(hearing, "MAXIMUM_OF_TENANT", 1)
        async with new_client(tower.stage, worker):
            await tower.bell.watches(today=1)


async def _knows_of_endpoints(worker: Worker) -> bool:
    running = worker._running  # noqa: SLF001
    assert running is not None
    return bool(running.hearings._endpoints) and not running.hearings._stale  # noqa: SLF001


async def _hears(worker: Worker, times: int) -> bool:
    running = worker._running  # noqa: SLF001  what a worker listens to has no edge of its own
    assert running is not None
    return len(running.hearings) == times


async def test_a_list_that_changed_is_looked_at_again(tower: Tower, worker: Worker) -> None:
    rows = UpstreamSchedule.objects.filter(upstream_id=tower.upstream.pk)

    async def is_told() -> bool:
        return await in_console(lambda: rows.exclude(changed_at=None).exists())

    async with new_client(tower.stage, worker, URI):
        await tower.bell.watches(today=1)
        assert not await is_told()
        tower.bell.tools.append("lose")
        await tower.bell.tell_of_tools()
        await eventually(is_told)
        assert await in_console(lambda: _looked_at(tower)) == {"find": "approved", "lose": "new"}


def _looked_at(tower: Tower) -> dict[str, str]:
    """The states of tools after what is due was done."""
    upstream = tower.upstream
    with tenant_context(upstream.tenant_id):
        before = timezone.now() - RELOOK_PAUSE - timedelta(seconds=1)
        ImportRun.objects.filter(upstream=upstream).update(created_at=before)
    run = relook_where_due(upstream.tenant_id, upstream.pk)
    assert run is not None
    import_perform(run.tenant_id, run.pk)
    with tenant_context(upstream.tenant_id):
        return {item.name: item.state for item in Definition.objects.filter(upstream=upstream, form="tool")}


async def test_a_server_that_dies_and_returns_is_listened_to_again(
    tower: Tower, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.sources.mcp.listening.PAUSES", (0.05, 0.2))
    async with new_client(tower.stage, worker, URI) as stream:
        await tower.bell.watches(today=1)
        await tower.stop()
        await tower.start()
        await tower.bell.watches(today=1)
        await tower.bell.update()
        assert await _uri(stream) == URI


@pytest.mark.parametrize("act", ["stopped", "removed"])
async def test_an_endpoint_or_upstream_that_is_switched_off_is_not_listened_to(
    tower: Tower, worker: Worker, act: str
) -> None:
    stage = tower.stage
    async with new_client(stage, worker, URI):
        await tower.bell.watches(today=1)
        if act == "stopped":
            await stage.change(
                lambda actor: endpoint_stop(actor=actor, endpoint_slug=stage.endpoint.slug, message="Stop.")
            )
        else:
            named: Any = {"endpoint_slug": stage.endpoint.slug, "slug": SLUG}
            await stage.change(lambda actor: upstream_delete(actor=actor, **named))
        await eventually(lambda: _hears(worker, 0))
        await tower.bell.is_listened_to(0)
