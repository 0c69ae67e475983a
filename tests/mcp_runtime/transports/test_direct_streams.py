"""Streams in the fast lane: they say what streams over ASGI say, and give back what they hold however they end."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.transports.direct_streams import DirectStream, Pulse
from mcp_runtime.transports.fast_lane import FastLane
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.outlets import event
from mcp_runtime.transports.streams import KEEP_ALIVE, QUEUE
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage, add_tool
from tests.mcp_runtime.driving import BOUND_SECONDS, eventually, serving
from tests.mcp_runtime.transports.lanes import CALL, Lanes, in_lanes, modern_bytes, read_response

WANTED = {"notifications": {"toolsListChanged": True}}


@pytest.fixture
async def lanes(worker: Worker, stage: Stage) -> AsyncIterator[Lanes]:
    """Both shells, around a worker that holds the endpoint."""
    await stage.client(worker).modern("tools/call", CALL)
    async with in_lanes(worker) as lanes:
        yield lanes


@dataclass
class Listener:
    """A client at a socket, whose stream has begun."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str

    async def event(self) -> bytes:
        """The next chunk; empty at the end of the response."""
        size = int((await asyncio.wait_for(self.reader.readline(), BOUND_SECONDS)).strip(), 16)
        chunk = await asyncio.wait_for(self.reader.readexactly(size + 2), BOUND_SECONDS)
        return chunk[:-2]

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), BOUND_SECONDS)


@asynccontextmanager
async def listening(
    lanes: Lanes, stage: Stage, lane: str = "lane", wanted: Any = WANTED, **extra: Any
) -> AsyncIterator[Listener]:
    """A stream that has been acknowledged; `acknowledged` is left to be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports[lane])
    writer.write(modern_bytes(stage, "subscriptions/listen", wanted, **extra))
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND_SECONDS)).decode().lower()
    try:
        yield Listener(reader, writer, head)
    finally:
        writer.close()


async def _ended(lanes: Lanes, count: int = 1) -> None:
    """Waits until the worker holds nothing of so many streams any more."""

    async def gone() -> bool:
        await asyncio.sleep(0)
        return len(lanes.left) == count

    await eventually(gone)


async def _said(lanes: Lanes, stage: Stage, lane: str) -> list[bytes | list[str]]:
    """All that a stream says from its beginning until its key is revoked, under an id that is a string."""
    key, secret = await stage.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=stage.endpoint.slug, name=lane)
    )
    await eventually(lambda: _is_let_in(lanes, stage, secret))
    async with listening(lanes, stage, lane, identifier='a "b"', Authorization=f"Bearer {secret}") as listener:
        begun: list[bytes | list[str]] = [[line for line in listener.head.split("\r\n") if not line.startswith("date")]]
        begun.append(await listener.event())
        await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, f"further-{lane}"))
        begun.append(await listener.event())
        await stage.change(
            lambda actor: access_key_revoke(actor=actor, endpoint_slug=stage.endpoint.slug, access_key_id=key.pk)
        )
        last = await listener.event()
        begun.append(re.sub(rb'"version":"[0-9]+"', b"", last))
        assert await listener.event() == b""
    return begun


async def _is_let_in(lanes: Lanes, stage: Stage, secret: str) -> bool:
    return (await stage.client(lanes.worker, key=secret).modern("tools/list")).status == 200


async def test_both_shells_say_the_same(lanes: Lanes, stage: Stage) -> None:
    lane, plain = [await _said(lanes, stage, name) for name in ("lane", "plain")]
    assert lane == plain
    assert len(lanes.streams) == 1


async def test_a_client_that_leaves_gives_its_connection_back(lanes: Lanes, stage: Stage) -> None:
    for number in (1, 2):
        async with listening(lanes, stage) as listener:
            await listener.event()
            assert len(lanes.left) == number - 1
        await _ended(lanes, number)
    assert not any(stream.is_open for stream in lanes.streams)


async def test_what_stands_behind_a_stream_waits_until_it_ends(lanes: Lanes, stage: Stage) -> None:
    async with listening(lanes, stage) as listener:
        await listener.event()
        listener.writer.write(modern_bytes(stage, "tools/call", CALL, identifier=2))
        (connection,) = lanes.connections
        await eventually(lambda: _has_queued(connection))
        lanes.streams[0].close()
        await listener.event()
        assert await listener.event() == b""
        status, _, body = await asyncio.wait_for(read_response(listener.reader), BOUND_SECONDS)
        assert (status, json.loads(body)["id"]) == (200, 2)
        listener.writer.write(modern_bytes(stage, "tools/call", CALL, identifier=3))
        assert (await asyncio.wait_for(read_response(listener.reader), BOUND_SECONDS))[0] == 200


async def _has_queued(connection: FastLane) -> bool:
    await asyncio.sleep(0)
    return len(connection.pipeline) == 1


async def test_a_stream_whose_head_came_before_is_as_light_as_any(lanes: Lanes, stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(modern_bytes(stage, "subscriptions/listen", {"notifications": 5}))
    assert (await asyncio.wait_for(read_response(reader), BOUND_SECONDS))[0] == 400
    writer.write(modern_bytes(stage, "subscriptions/listen", WANTED))
    assert b" 200 " in await asyncio.wait_for(reader.readline(), BOUND_SECONDS)
    (connection,) = lanes.connections
    assert cast("object | None", connection.parser) is None
    assert len(lanes.streams) == 1
    writer.close()


async def test_a_connection_serves_on_when_its_stream_has_ended(lanes: Lanes, stage: Stage) -> None:
    async with listening(lanes, stage) as listener:
        await listener.event()
        lanes.streams[0].close()
        await listener.event()
        assert await listener.event() == b""
        for number in (2, 3):
            listener.writer.write(modern_bytes(stage, "tools/call", CALL, identifier=number))
            _, _, body = await asyncio.wait_for(read_response(listener.reader), BOUND_SECONDS)
            assert json.loads(body)["id"] == number


async def test_garbage_behind_a_stream_ends_the_connection_and_says_nothing_within_it(
    lanes: Lanes, stage: Stage
) -> None:
    async with listening(lanes, stage) as listener:
        await listener.event()
        listener.writer.write(b"\x00\x01\r\n\r\n")
        assert await listener.rest() == b""
        await _ended(lanes)


async def test_a_server_that_ends_closes_when_its_streams_have_ended(lanes: Lanes, stage: Stage) -> None:
    async with listening(lanes, stage) as listener:
        await listener.event()
        (connection,) = lanes.connections
        connection.shutdown()
        lanes.worker.end_streams()
        assert b"notifications/cancelled" in await listener.event()
        assert await listener.event() == b""
        assert await listener.rest() == b""


async def test_a_stream_ends_with_its_key(lanes: Lanes, stage: Stage) -> None:
    soon = timezone.now() + timedelta(seconds=1)
    _, secret = await stage.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=stage.endpoint.slug, name="soon", expires_at=soon)
    )
    await eventually(lambda: _is_let_in(lanes, stage, secret))
    async with listening(lanes, stage, Authorization=f"Bearer {secret}") as listener:
        await listener.event()
        assert b"notifications/cancelled" in await listener.event()
        await _ended(lanes)


async def test_too_many_streams_are_refused_as_over_asgi(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(streams=1))) as worker:
        await stage.client(worker).modern("tools/call", CALL)
        async with in_lanes(worker) as lanes, listening(lanes, stage) as listener:
            await listener.event()
            refused = []
            for lane in ("lane", "plain"):
                async with listening(lanes, stage, lane) as other:
                    refused.append(other.head.split("\r\n")[0])
            assert refused == ["http/1.1 503 service unavailable"] * 2
            assert len(lanes.streams) == 1


async def test_silent_streams_are_kept_alive(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(keep_alive_seconds=0.2))) as worker:
        await stage.client(worker).modern("tools/call", CALL)
        async with in_lanes(worker) as lanes, listening(lanes, stage) as one, listening(lanes, stage) as other:
            for listener in (one, other):
                await listener.event()
                assert [await listener.event() for _ in range(3)] == [KEEP_ALIVE] * 3


class _Slow:
    """A connection whose client takes nothing until it is told to."""

    def __init__(self) -> None:
        self.is_choked = False
        self.sent: list[bytes] = []
        self.last = b""

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def finish(self, frame: bytes) -> None:
        self.last = frame


@pytest.fixture
async def slow(lanes: Lanes, stage: Stage) -> tuple[DirectStream, _Slow]:
    """A stream whose client is slow."""
    async with listening(lanes, stage) as listener:
        await listener.event()
    await _ended(lanes)
    old = lanes.streams[0]
    stream = DirectStream(old._listen, old._held, Pulse(15.0), lambda: lanes.left.append(1))  # noqa: SLF001
    channel = _Slow()
    stream.begin(channel)
    channel.is_choked = True
    return stream, channel


async def test_a_client_that_does_not_read_loses_its_stream_and_not_our_memory(
    slow: tuple[DirectStream, _Slow],
) -> None:
    stream, channel = slow
    for number in range(2 * QUEUE):
        stream.push(b"%d" % number)
        stream.push(b"%d" % number)
    assert (stream.is_open, len(channel.sent), channel.last) == (False, 1, b"")
    channel.is_choked = False
    stream.flow()
    assert channel.sent[1:] == [event(b"%d" % number) for number in range(QUEUE)]
    assert b"notifications/cancelled" in channel.last


async def test_what_waited_goes_first(slow: tuple[DirectStream, _Slow]) -> None:
    stream, channel = slow
    stream.push(b"1")
    channel.is_choked = False
    stream.push(b"2")
    stream.flow()
    assert channel.sent[1:] == [event(b"1"), event(b"2")]
