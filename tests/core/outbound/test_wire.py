"""Kept connections and the bytes on them: what may be used again, repeated, believed, and for how long."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from core import outbound, refusals
from core.outbound import Limits, pool
from core.outbound.policy import Policy
from tests.core.outbound.raw import WHOLE, Heard, Script, Upstream, answering, scripted
from tests.core.outbound.upstreams import LOOPBACK

ALLOWED = Policy(networks=(ip_network(f"{LOOPBACK}/32"),))
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[outbound.Client]:
    async with outbound.Client(ALLOWED) as client, asyncio.timeout(30):
        yield client


async def get(client: outbound.Client, upstream: Upstream, limits: Limits | None = None) -> outbound.Response:
    return await outbound.fetch(client, "GET", upstream.url, limits=limits or Limits())


async def post(client: outbound.Client, upstream: Upstream) -> outbound.Response:
    return await outbound.fetch(client, "POST", upstream.url, body=b"x")


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((WHOLE,), b"ok"),
        (tuple(WHOLE[place : place + 1] for place in range(len(WHOLE))), b"ok"),
        ((CHUNKED, b"1\r\no\r\n", b"1;ext=", b"1\r\nk\r\n0\r\nTrailer: x\r\n", b"\r\n"), b"ok"),
        ((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WHOLE,), b"ok"),
        ((HEAD + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",), b""),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), b""),
        ((b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",), b"ok"),
    ],
)
async def test_an_answer_is_read_however_it_is_cut_and_its_connection_is_used_again(
    client: outbound.Client, pieces: tuple[bytes, ...], body: bytes
) -> None:
    async with scripted(answering(*pieces)) as upstream:
        for _time in range(3):
            assert (await get(client, upstream)).body == body
        assert len(upstream.connections) == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HEAD + b"\r\nas long as it lasts", b"as long as it lasts"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"packed", mtime=0), b"packed"),
    ],
)
async def test_an_answer_that_its_connection_ends_is_read_and_the_connection_not_used_again(
    client: outbound.Client, answer: bytes, body: bytes
) -> None:
    async with scripted(answering(answer, close=True)) as upstream:
        for _time in range(2):
            assert (await get(client, upstream)).body == body
        assert len(upstream.connections) == 2


RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(b"twice ", mtime=0) + gzip.compress(b"packed", mtime=0)),
        (b"X-GZIP", gzip.compress(b"twice packed", mtime=0)),
        (b"deflate", zlib.compress(b"twice packed")),
        (b"deflate", RAW_DEFLATE.compress(b"twice packed") + RAW_DEFLATE.flush()),
        (b"identity", b"twice packed"),
    ],
)
async def test_a_coding_is_undone_however_it_is_cut(client: outbound.Client, coding: bytes, packed: bytes) -> None:
    head = HEAD + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))
    async with scripted(answering(head, *(packed[place : place + 1] for place in range(len(packed))))) as upstream:
        assert (await get(client, upstream)).body == b"twice packed"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded: b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
        b"ICY 200 OK\r\n\r\n",
        CHUNKED + b"fffffffffffffffffff\r\n",
        CHUNKED + b"2\r\nokXX0\r\n\r\n",
        CHUNKED + b"2\r\nok\r\n0\r\nX-Long: " + b"x" * 10_000 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: <%b>\r\n\r\n" % (b"x" * 4_000) * 100,
        HEAD + b"X: " + b"x" * 200_000,
        HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + gzip.compress(b"cut off", mtime=0)[:12],
        HEAD + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(b"a") + b"more",
    ],
)
async def test_garbage_is_a_typed_failure_and_its_connection_is_closed(client: outbound.Client, answer: bytes) -> None:
    left = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(answer)
        if answer.endswith((b"gzip\r\n\r\nok", b"more")):
            heard.writer.write_eof()
        await heard.left()
        left.set()

    async with scripted(script) as upstream:
        with pytest.raises(outbound.ResponseBroken):
            await get(client, upstream)
        await left.wait()


@pytest.mark.parametrize("tail", [WHOLE, b"garbage", b"\x00"])
async def test_what_follows_an_answer_is_never_taken_for_the_next(client: outbound.Client, tail: bytes) -> None:
    async with scripted(answering(WHOLE + tail), answering(WHOLE)) as upstream:
        assert (await get(client, upstream)).body == b"ok"
        assert (await get(client, upstream)).body == b"ok"
        assert len(upstream.connections) == 2


async def test_what_comes_unasked_over_an_idle_connection_ends_it(client: outbound.Client) -> None:
    left = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(WHOLE)
        answered.set()
        await may_speak.wait()
        await heard.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await heard.left()
        left.set()

    answered, may_speak = asyncio.Event(), asyncio.Event()
    async with scripted(script, answering(WHOLE)) as upstream:
        await get(client, upstream)
        may_speak.set()
        await left.wait()
        assert (await get(client, upstream)).body == b"ok"
        assert len(upstream.connections) == 2


def closing_on_second(first: bytes = b"") -> Script:
    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(WHOLE)
        await heard.request()
        await heard.say(first)

    return script


async def test_a_kept_connection_that_was_closed_is_replaced_once_for_what_may_be_repeated(
    client: outbound.Client,
) -> None:
    async with scripted(closing_on_second(), answering(WHOLE)) as upstream:
        await get(client, upstream)
        assert (await get(client, upstream)).body == b"ok"
        assert [len(heard.requests) for heard in upstream.connections] == [2, 1]


async def test_what_may_not_be_repeated_is_sent_once(client: outbound.Client) -> None:
    async with scripted(closing_on_second(), answering(WHOLE)) as upstream:
        await post(client, upstream)
        with pytest.raises(outbound.ResponseBroken) as caught:
            await post(client, upstream)
        assert str(caught.value) == f"{LOOPBACK} closed the connection before it had answered."
        assert [len(heard.requests) for heard in upstream.connections] == [2]


async def test_an_answer_that_broke_off_is_not_asked_for_again(client: outbound.Client) -> None:
    async with scripted(closing_on_second(b"HTTP/1.1 2"), answering(WHOLE)) as upstream:
        await get(client, upstream)
        with pytest.raises(outbound.ResponseBroken):
            await get(client, upstream)
        assert len(upstream.connections) == 1


async def test_a_server_that_closes_every_connection_is_asked_once_on_a_new_one(client: outbound.Client) -> None:
    async def script(heard: Heard) -> None:
        await heard.request()

    async with scripted(script) as upstream:
        with pytest.raises(outbound.ResponseBroken):
            await get(client, upstream)
        assert len(upstream.connections) == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(client: outbound.Client) -> None:
    async with scripted(answering(WHOLE, close=True)) as upstream:
        for _time in range(3):
            await post(client, upstream)
            async with asyncio.timeout(5):
                await asyncio.wait([connection.closed for connection in client.pool.open])
        assert len(upstream.connections) == 3


async def test_what_may_not_be_repeated_goes_out_on_a_fresh_connection_only(
    client: outbound.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted(answering(WHOLE)) as upstream:
        await post(client, upstream)
        await post(client, upstream)
        assert len(upstream.connections) == 1
        monkeypatch.setattr(pool, "FRESH_SECONDS", 0.0)
        await get(client, upstream)
        assert len(upstream.connections) == 1
        await post(client, upstream)
        assert len(upstream.connections) == 2


@pytest.mark.parametrize("header", [b"timeout=1", b"timeout=0, max=5", b"max=7, timeout=1"])
async def test_a_server_s_own_patience_is_respected(client: outbound.Client, header: bytes) -> None:
    answer = HEAD + b"Keep-Alive: %b\r\nContent-Length: 0\r\n\r\n" % header
    async with scripted(answering(answer)) as upstream:
        await get(client, upstream)
        await get(client, upstream)
        assert len(upstream.connections) == 2


async def test_an_old_connection_is_replaced(client: outbound.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(answering(WHOLE)) as upstream:
        await get(client, upstream)
        monkeypatch.setattr(pool, "MAXIMUM_AGE_SECONDS", 0.0)
        await get(client, upstream)
        assert len(upstream.connections) == 2


async def test_idle_connections_are_closed(client: outbound.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(pool, "MAXIMUM_AGE_SECONDS", 0.0)
    left = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(WHOLE)
        await heard.left()
        left.set()

    async with scripted(script) as upstream:
        await get(client, upstream)
        await left.wait()


async def test_a_cancelled_exchange_closes_its_connection_and_frees_its_place(
    client: outbound.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECTIONS_PER_ORIGIN", 1)
    started, left = asyncio.Event(), asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(HEAD)
        started.set()
        await heard.left()
        left.set()

    async with scripted(script, answering(WHOLE)) as upstream:
        task = asyncio.create_task(get(client, upstream))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left.wait()
        assert (await get(client, upstream)).body == b"ok"


async def test_connections_to_one_origin_are_bounded_and_the_rest_wait_in_line(
    client: outbound.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECTIONS_PER_ORIGIN", 2)
    async with scripted(answering(WHOLE)) as upstream:
        answers = await asyncio.gather(*(get(client, upstream) for _number in range(20)))
        assert {answer.body for answer in answers} == {b"ok"}
        assert len(upstream.connections) == 2


async def test_who_waits_in_line_for_too_long_is_told(client: outbound.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CONNECTIONS_PER_ORIGIN", 1)
    monkeypatch.setattr(pool, "WAITING_SECONDS", 0.01)
    started = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        started.set()
        await heard.left()

    async with scripted(script) as upstream:
        first = asyncio.create_task(get(client, upstream))
        await started.wait()
        with pytest.raises(outbound.TimedOut) as caught:
            await get(client, upstream)
        assert str(caught.value) == f"All connections to {LOOPBACK} are in use."
        first.cancel()
        await asyncio.wait([first])


async def test_all_connections_together_are_bounded_and_an_idle_one_makes_room(
    client: outbound.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECTIONS", 1)
    started = asyncio.Event()

    async def slow(heard: Heard) -> None:
        await heard.request()
        started.set()
        await heard.left()

    async with scripted(answering(WHOLE)) as first, scripted(slow) as second:
        await get(client, first)
        held = asyncio.create_task(get(client, second))
        await started.wait()
        with pytest.raises(outbound.ConnectionFailed):
            await get(client, first)
        held.cancel()
        await asyncio.wait([held])


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nHost: b"},
        {"X-Evil": "a\nb"},
        {"X-Evil": "a\x00b"},
        {"X-Evil": "\u0142"},
        {"X-Evil\r\nHost": "a"},
        {"X Evil": "a"},
        {"X-Evil:": "a"},
        {"": "a"},
        {"Host": "intranet"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"CONNECTION": "upgrade"},
    ],
)
async def test_a_header_adds_nothing_but_itself(client: outbound.Client, headers: dict[str, str]) -> None:
    async with scripted(answering(WHOLE)) as upstream:
        with pytest.raises(refusals.Refused) as caught:
            await outbound.fetch(client, "GET", upstream.url, headers=headers)
        assert caught.value.refusal is refusals.DESTINATION_REFUSED
        assert not upstream.connections


async def test_a_head_gets_no_body(client: outbound.Client) -> None:
    async with scripted(answering(HEAD + b"Content-Length: 100\r\n\r\n")) as upstream:
        response = await outbound.fetch(client, "HEAD", upstream.url)
        assert (response.status, response.body, response.header("content-length")) == (200, b"", "100")


async def test_an_endless_framing_of_nothing_is_cut_off(client: outbound.Client) -> None:
    async def script(heard: Heard) -> None:
        await heard.request()
        await heard.say(CHUNKED + b"1;")
        while True:
            await heard.say(b"x" * 65_536)

    async with scripted(script) as upstream:
        with pytest.raises(outbound.ResponseBroken):
            await get(client, upstream, Limits(seconds=20, response_bytes=1_000))


async def test_closing_the_client_fails_what_is_under_way(client: outbound.Client) -> None:
    started = asyncio.Event()

    async def script(heard: Heard) -> None:
        await heard.request()
        started.set()
        await heard.left()

    async with scripted(script) as upstream:
        task = asyncio.create_task(get(client, upstream))
        await started.wait()
        await client.close()
        with pytest.raises(outbound.ResponseBroken):
            await task
        assert not client.pool.open
