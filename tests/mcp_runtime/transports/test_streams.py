"""Sessions and the streams that they hold open, over two workers that share nothing but the database."""

import asyncio
import time
from typing import Any

import pytest

from mcp_runtime.protocol.served import Principal
from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.services.endpoints import endpoint_delete, endpoint_update
from mcp_runtime.transports.asgi import Event
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.outlets import event
from mcp_runtime.transports.streams import QUEUE, EventStream
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage, add_tool
from tests.mcp_runtime.driving import Client, Exchange, eventually, serving
from tests.mcp_runtime.transports.test_doors import refusal_of

LIST_CHANGED = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
EVENTS: dict[str, str | None] = {"accept": "text/event-stream"}


async def _listen(client: Client) -> Exchange:
    """An open stream of the client's session."""
    exchange = client.open("GET", headers=EVENTS)
    assert await exchange.start() == 200
    assert exchange.headers["content-type"] == "text/event-stream"
    assert (await exchange.chunk() or b"").startswith(b":")
    return exchange


async def _ends(exchange: Exchange) -> None:
    with pytest.raises(EOFError):
        await exchange.frame()
    await asyncio.wait_for(exchange.task, 5)


@pytest.fixture
async def clients(stage: Stage, worker: Worker, other_worker: Worker) -> tuple[Client, Client]:
    """One session, met at one worker, and its client at both."""
    first = stage.client(worker)
    await first.initialize()
    return first, stage.client(other_worker, session=first.session)


async def test_a_session_is_served_by_every_worker(clients: tuple[Client, Client]) -> None:
    for client in clients:
        assert (await client.legacy("ping")).json["result"] == {}


async def test_an_ended_session_is_refused_by_every_worker(clients: tuple[Client, Client]) -> None:
    first, second = clients
    assert (await second.legacy("ping")).status == 200
    ended = await first.send("DELETE")
    assert (ended.status, ended.body) == (204, b"")
    assert (await first.legacy("ping")).json["error"]["data"]["refusal"] == "session_not_found"
    assert refusal_of(await first.send("DELETE")) == (404, "session_not_found")

    async def refused() -> bool:
        return (await second.legacy("ping")).status == 404

    await eventually(refused)


async def test_a_worker_that_starts_later_refuses_it_too(stage: Stage, clients: tuple[Client, Client]) -> None:
    await clients[0].send("DELETE")
    async with serving(Worker()) as late:
        assert (await stage.client(late, session=clients[0].session).legacy("ping")).status == 404


async def test_an_ended_session_ends_its_streams_and_no_others(clients: tuple[Client, Client]) -> None:
    first, second = clients
    streams = [await _listen(first), await _listen(second)]
    other = Client(second.app, second.path, second.key)
    await other.initialize()
    stays = await _listen(other)
    await first.send("DELETE")
    for stream in streams:
        await _ends(stream)
    assert not stays.task.done()
    await stays.leave()


async def test_a_change_of_the_tools_is_told_on_every_worker(stage: Stage, clients: tuple[Client, Client]) -> None:
    streams = [await _listen(client) for client in clients]
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "fresh"))
    for stream in streams:
        assert await stream.frame() == LIST_CHANGED
    for client in clients:
        names = [tool["name"] for tool in (await client.legacy("tools/list")).json["result"]["tools"]]
        assert "fresh" in names
    for stream in streams:
        await stream.leave()


async def test_a_change_of_something_else_is_not(stage: Stage, clients: tuple[Client, Client]) -> None:
    stream = await _listen(clients[0])
    slug = stage.endpoint.slug
    plain: dict[str, Any] = {"instructions": "", "access": "key", "allowed_origins": []}
    await stage.change(lambda actor: endpoint_update(actor=actor, endpoint_slug=slug, name="Renamed", **plain))
    await eventually(lambda: _is_named(clients[0], "Renamed"))
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "fresh"))
    assert await stream.frame() == LIST_CHANGED
    await stream.leave()


async def _is_named(client: Client, title: str) -> bool:
    discovered = await client.modern("server/discover", mcp_session_id=None)
    return bool(discovered.json["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["title"] == title)


@pytest.fixture
def scoped_key(stage: Stage) -> str:
    """A key for echo alone."""
    return stage.issue_key(tools=["echo"])[1]


async def test_a_scoped_key_hears_of_its_own_tools_alone(
    stage: Stage, scoped_key: str, clients: tuple[Client, Client], worker: Worker
) -> None:
    scoped = stage.client(worker, key=scoped_key)
    await scoped.initialize()
    narrow, wide = await _listen(scoped), await _listen(clients[0])
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "fresh"))
    assert await wide.frame() == LIST_CHANGED
    assert narrow.outgoing.empty()
    await narrow.leave()
    await wide.leave()


async def test_a_revoked_key_ends_its_streams(stage: Stage, clients: tuple[Client, Client]) -> None:
    streams = [await _listen(client) for client in clients]
    slug, key = stage.endpoint.slug, stage.access_key.pk
    await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
    for stream in streams:
        await _ends(stream)


async def test_a_deleted_endpoint_ends_its_streams(stage: Stage, clients: tuple[Client, Client]) -> None:
    streams = [await _listen(client) for client in clients]
    await stage.change(lambda actor: endpoint_delete(actor=actor, endpoint_slug=stage.endpoint.slug))
    for stream in streams:
        await _ends(stream)
    for client in clients:
        assert refusal_of(await client.send("GET", headers=EVENTS)) == (404, "not_found")


async def test_a_worker_that_shuts_down_ends_its_streams_politely(stage: Stage) -> None:
    async with serving(Worker()) as worker:
        client = stage.client(worker)
        await client.initialize()
        streams = [await _listen(client), await _listen(client)]
        worker.end_streams()
        for stream in streams:
            await _ends(stream)
        assert refusal_of(await client.send("GET", headers=EVENTS)) == (503, "temporarily_unavailable")
        assert (await client.legacy("ping")).status == 200


async def test_a_silent_stream_is_kept_alive(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(keep_alive_seconds=0.01))) as worker:
        client = stage.client(worker)
        await client.initialize()
        stream = await _listen(client)
        for _ in range(2):
            assert await stream.chunk() == b": keep-alive\n\n"
        await stream.leave()


async def test_a_stream_is_asked_for_as_events(clients: tuple[Client, Client]) -> None:
    for accept in ("application/json", None):
        answer = await clients[0].send("GET", headers={"accept": accept})
        assert refusal_of(answer) == (406, "not_acceptable")


async def test_streams_are_bounded_in_number(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(streams=1))) as worker:
        client = stage.client(worker)
        await client.initialize()
        stream = await _listen(client)
        assert refusal_of(await client.send("GET", headers=EVENTS)) == (503, "overloaded")
        await stream.leave()
        await (await _listen(client)).leave()


async def test_a_stream_ends_with_its_session(clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_runtime.protocol.sessions.LIFETIME_SECONDS", 1)
    stream = await _listen(clients[0])
    await _ends(stream)


async def test_a_client_that_does_not_read_loses_its_stream_and_not_our_memory() -> None:
    stream = EventStream(Principal("key:1"), time.time() + 60)
    for number in range(QUEUE + 1):
        stream.push(b"%d" % number)
        stream.push(b"%d" % number)
    sent: list[Event] = []
    leaving: asyncio.Queue[Event] = asyncio.Queue()

    async def send(event: Event) -> None:
        sent.append(event)

    await asyncio.wait_for(stream.serve(leaving.get, send, 15.0), 5)
    bodies = [event["body"] for event in sent[2:]]
    assert bodies == [*(event(b"%d" % number) for number in range(QUEUE)), b""]
