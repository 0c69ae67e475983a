"""Event streams through the door: read while they come, no faster than their reader, and never for ever."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from core import outbound
from core.outbound import StreamLimits, pool, streams
from tests.core.outbound.raw import Heard, Upstream, answering, scripted
from tests.core.outbound.test_wire import ALLOWED

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
SHORT = StreamLimits(seconds=5, response_bytes=1024, stream_bytes=4096, idle_seconds=5)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
async def client() -> AsyncIterator[outbound.Client]:
    async with outbound.Client(ALLOWED) as client, asyncio.timeout(30):
        yield client


async def post(client: outbound.Client, upstream: Upstream, limits: StreamLimits = SHORT) -> outbound.Response:
    return await outbound.fetch_stream(client, "POST", upstream.url, body=b"{}", limits=limits)


async def stream_of(client: outbound.Client, upstream: Upstream, limits: StreamLimits = SHORT) -> outbound.Stream:
    stream = (await post(client, upstream, limits)).stream
    assert stream is not None
    return stream


async def whole(stream: outbound.Stream) -> bytes:
    pieces = []
    while piece := await stream.read():
        pieces.append(piece)
    return b"".join(pieces)


async def test_a_stream_is_there_before_its_body_is_and_its_connection_is_used_again(client: outbound.Client) -> None:
    go_on = asyncio.Event()

    async def script(heard: Heard) -> None:
        while True:
            await heard.request()
            await heard.say(CHUNKED)
            await go_on.wait()
            await heard.say(chunk(b"data: 1\n\n"), chunk(b"data: 2\n\n"), END)

    async with scripted(script) as upstream:
        for _time in range(2):
            stream = await stream_of(client, upstream)
            assert not stream.is_over
            go_on.set()
            assert await whole(stream) == b"data: 1\n\ndata: 2\n\n"
            stream.close()
            go_on.clear()
        assert len(upstream.connections) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_any_other_answer_is_whole(client: outbound.Client, answer: bytes) -> None:
    async with scripted(answering(answer)) as upstream:
        response = await post(client, upstream)
        assert response.stream is None
        assert response.body == b"{}"


async def test_fetch_hands_no_stream_out(client: outbound.Client) -> None:
    async with scripted(answering(CHUNKED, chunk(b"data: 1\n\n"), END)) as upstream:
        assert (await outbound.fetch(client, "GET", upstream.url)).body == b"data: 1\n\n"


async def test_a_stream_that_is_closed_early_closes_its_connection(client: outbound.Client) -> None:
    left = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(CHUNKED, chunk(b"data: 1\n\n"))
        await heard.left()
        left.set()

    async with scripted(script) as upstream:
        stream = await stream_of(client, upstream)
        assert await stream.read() == b"data: 1\n\n"
        stream.close()
        await left.wait()
        assert await stream.read() == b""


async def test_a_reader_that_is_slow_holds_the_sender_up(client: outbound.Client) -> None:
    size = 64 * streams.HIGH_WATER_BYTES
    sent = 0

    async def script(heard: Heard) -> None:
        nonlocal sent
        await heard.request()
        await heard.say(CHUNKED)
        for _number in range(size // 65_536):
            await heard.say(chunk(b"x" * 65_536))
            sent += 65_536
        await heard.say(END)
        await heard.left()  # what is still to be sent would be lost with the connection

    async with scripted(script) as upstream:
        limits = StreamLimits(5, 1024, 2 * size, 5)
        stream = await stream_of(client, upstream, limits)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.05)
        assert sent < size
        assert len(await whole(stream)) == size
        stream.close()


@pytest.mark.parametrize(
    ("pieces", "failure", "sentence"),
    [
        ((chunk(b"x" * 5000), END), outbound.ResponseTooLarge, "does not end"),
        ((chunk(b"data: 1\n"),), outbound.ResponseBroken, "broke off"),
        ((b"nonsense\r\n",), outbound.ResponseBroken, "not valid HTTP"),
    ],
)
async def test_a_stream_that_fails_says_how(
    client: outbound.Client, pieces: tuple[bytes, ...], failure: type[Exception], sentence: str
) -> None:
    async with scripted(answering(CHUNKED, *pieces, close=True)) as upstream:
        stream = await stream_of(client, upstream)
        with pytest.raises(failure, match=sentence):
            await whole(stream)
        stream.close()


async def test_a_silent_stream_is_given_up(client: outbound.Client) -> None:
    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(CHUNKED)
        await heard.left()

    async with scripted(script) as upstream:
        stream = await stream_of(client, upstream, StreamLimits(5, 1024, 4096, 0.05))
        with pytest.raises(outbound.TimedOut, match="sent nothing"):
            await stream.read()
        stream.close()


async def test_what_decompresses_to_a_flood_is_refused(client: outbound.Client) -> None:
    bomb = gzip.compress(b"\0" * (32 * 1024 * 1024), mtime=0)
    head = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scripted(answering(head, chunk(bomb), END, close=True)) as upstream:
        stream = await stream_of(client, upstream, StreamLimits(5, 1024, 2**40, 5))
        with pytest.raises(outbound.ResponseTooLarge, match="larger than it looks"):
            await whole(stream)
        stream.close()


async def test_streams_leave_the_connections_of_calls_alone(
    client: outbound.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECTIONS_PER_ORIGIN", 1)
    monkeypatch.setattr(pool, "STREAMS_PER_ORIGIN", 2)

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(CHUNKED, chunk(b":\n\n"))
        await heard.left()

    async with scripted(script) as upstream:
        held = [await stream_of(client, upstream) for _number in range(2)]
        with pytest.raises(outbound.TimedOut, match="Too many streams"):
            await post(client, upstream)
        held.pop().close()
        held.append(await stream_of(client, upstream))
        for stream in held:
            stream.close()


async def test_who_waits_is_woken_by_a_poke(client: outbound.Client) -> None:
    async with scripted(answering(CHUNKED, close=False)) as upstream:
        stream = await stream_of(client, upstream)
        reading = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        stream.poke()
        assert await reading == b""
        assert not stream.is_over
        stream.close()
