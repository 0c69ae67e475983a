"""A head that came before is recognised, and only that: what is not the same message is parsed as ever."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.transports import fast_lane
from mcp_runtime.transports.heads import KnownHead, RequestHead
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, eventually
from tests.mcp_runtime.transports.lanes import (
    CALL,
    INITIALIZE,
    Lanes,
    Response,
    in_lanes,
    modern_bytes,
    post_bytes,
    read_response,
)

LINES = [b"POST /t/a/b/mcp HTTP/1.1", b"Host: localhost", b"Content-Length: 12", b"Authorization: Bearer key"]


def _message(body: bytes, lines: list[bytes] = LINES) -> bytes:
    return b"\r\n".join([*lines, b"", b""]).replace(b": 12\r", b": %d\r" % len(body)) + body


class _Parsed:
    """What a parser makes of a connection's bytes: whole messages, each with path, headers and body."""

    def __init__(self, data: bytes) -> None:
        self.messages: list[tuple[bytes, list[tuple[bytes, bytes]], bytes]] = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._body = b"", b""
        self._headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.messages.append((self._url, self._headers, self._body))


def _known(message: bytes) -> KnownHead | None:
    ((url, headers, _),) = _Parsed(message).messages
    return KnownHead.of(message, RequestHead(url.decode(), headers))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_same_head_is_recognised_with_any_body(first: bytes, second: bytes) -> None:
    known = _known(_message(first))
    assert known is not None
    assert known.body_in(_message(second)) == second


@given(st.integers(0, 140), st.integers(0, 140), st.binary(max_size=4), st.binary(max_size=3))
@example(0, 0, b"\r\n", b"")
@example(140, 140, b"", b"x")
def test_what_is_recognised_is_what_a_parser_would_have_read(at: int, upto: int, put: bytes, tail: bytes) -> None:
    known = _known(_message(b'{"a":"body"}'))
    assert known is not None
    whole = _message(b'{"id":"another"}')
    changed = whole[:at] + put + whole[max(at, upto) :] + tail
    body = known.body_in(changed)
    if body is not None:
        ((url, headers, parsed),) = _Parsed(changed).messages
        assert (url.decode(), parsed) == (known.head.path, body)
        lengths = [(name, value) for name, value in headers if name != b"content-length"]
        assert lengths == [(name, value) for name, value in known.head.raw if name != b"content-length"]


@pytest.mark.parametrize(
    "lines",
    [
        [*LINES, b"X-Long: " + b"x" * 5_000],
        [*LINES, b"Content-Length: 12"],
        [line for line in LINES if not line.startswith(b"Content")],
    ],
    ids=["large", "two lengths", "no length"],
)
def test_a_head_whose_length_cannot_be_told_apart_is_not_remembered(lines: list[bytes]) -> None:
    assert KnownHead.of(_message(b"twelve bytes", lines), RequestHead("/t/a/b/mcp", [])) is None


@pytest.mark.parametrize(
    "data",
    [
        _message(b"body") + b"x",
        _message(b"body")[:-1],
        _message(b"body") * 2,
        _message(b"body").replace(b"Bearer key", b"Bearer yek"),
        _message(b"body").replace(b"Length: 4", b"Length: +4"),
        _message(b"body").replace(b"Length: 4", b"Length: 4, 4"),
        _message(b"body").replace(b"Length: 4", b"Length: "),
        _message(b"body").replace(b"Length: 4", b"Length: 000004"),
        b"\r\n" + _message(b"body"),
        b"",
    ],
)
def test_anything_else_is_not_recognised(data: bytes) -> None:
    known = _known(_message(b"twelve bytes"))
    assert known is not None
    assert known.body_in(data) is None


# On connections


class _Connection:
    """One of the lane's, and how many of its messages a parser saw."""

    def __init__(self, lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lanes = lanes
        self.parsed = 0
        complete = fast_lane.FastLane.on_message_complete

        def on_message_complete(connection: fast_lane.FastLane) -> None:
            self.parsed += 1
            complete(connection)

        monkeypatch.setattr(fast_lane.FastLane, "on_message_complete", on_message_complete)

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._lanes.ports["lane"])

    async def ask(self, *chunks: bytes, answers: int = 1) -> list[Response]:
        """Sends chunks, each when the one before has arrived."""
        while not self._lanes.heard.empty():
            self._lanes.heard.get_nowait()
        for chunk in chunks:
            self._writer.write(chunk)
            await asyncio.wait_for(self._lanes.heard.get(), BOUND_SECONDS)
        return [await asyncio.wait_for(read_response(self._reader), BOUND_SECONDS) for _ in range(answers)]

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def connection(worker: Worker, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Connection]:
    """To a worker that holds the endpoint, after one call."""
    async with in_lanes(worker) as lanes:
        await stage.client(worker).modern("tools/call", CALL)
        connection = _Connection(lanes, monkeypatch)
        await connection.open()
        await connection.ask(modern_bytes(stage, "tools/call", CALL))
        yield connection
        connection.close()


def _call(stage: Stage, identifier: Any, text: str = "hello") -> bytes:
    return modern_bytes(stage, "tools/call", {"name": "echo", "arguments": {"text": text}}, identifier=identifier)


async def test_a_client_that_repeats_itself_is_parsed_once(connection: _Connection, stage: Stage) -> None:
    for number in (2, 30, 400):
        ((status, _, body),) = await connection.ask(_call(stage, number, "x" * number))
        assert (status, json.loads(body)["id"]) == (200, number)
        assert json.loads(body)["result"]["structuredContent"] == {"text": "x" * number}
    assert connection.parsed == 1


async def test_what_comes_behind_it_in_one_piece_is_parsed(connection: _Connection, stage: Stage) -> None:
    answers = await connection.ask(_call(stage, 2) + _call(stage, 3), answers=2)
    assert [json.loads(body)["id"] for _, _, body in answers] == [2, 3]
    assert connection.parsed == 3


async def test_a_message_in_parts_is_parsed_and_known_no_more(connection: _Connection, stage: Stage) -> None:
    whole = _call(stage, 2)
    (first,) = await connection.ask(whole)
    for cut in (3, len(whole) - 3):
        (again,) = await connection.ask(whole[:cut], whole[cut:])
        assert again == first


async def test_a_known_head_may_bring_what_waits(connection: _Connection, stage: Stage, probe: Probe) -> None:
    """The same head, and now a body that is not answered at once: it goes to where it would have gone."""
    echo, wait = (
        post_bytes(stage, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}})
        for name in ("echo", "wait")
    )
    await connection.ask(echo)
    parsed = connection.parsed
    answer = asyncio.ensure_future(connection.ask(wait))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    probe.go_on.set()
    ((status, _, body),) = await answer
    assert (status, json.loads(body)["result"]["content"][0]["text"]) == (200, "went on")
    assert connection.parsed == parsed
    assert [(await connection.ask(echo))[0][0] for _ in range(2)] == [200, 200]


async def test_a_known_head_may_bring_what_asgi_answers(connection: _Connection, stage: Stage) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    version = {"mcp_protocol_version": "2025-03-26"}
    await connection.ask(post_bytes(stage, ping, **version))
    parsed = connection.parsed
    ((status, _, body),) = await connection.ask(post_bytes(stage, [ping, ping | {"id": 2}], **version))
    assert (status, [part["id"] for part in json.loads(body)]) == (200, [1, 2])
    assert connection.parsed == parsed
    assert [(await connection.ask(post_bytes(stage, ping, **version)))[0][0] for _ in range(2)] == [200, 200]


async def test_a_revoked_key_is_refused_on_a_connection_that_was_let_in(connection: _Connection, stage: Stage) -> None:
    slug, key = stage.endpoint.slug, stage.access_key.pk
    await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))

    async def refused() -> bool:
        ((status, _, _),) = await connection.ask(_call(stage, 2))
        return status == 401

    await eventually(refused)


async def test_an_ended_session_is_refused_on_the_same_connection(connection: _Connection, stage: Stage) -> None:
    ((_, headers, _),) = await connection.ask(post_bytes(stage, INITIALIZE))
    session = {"mcp_session_id": headers["mcp-session-id"], "mcp_protocol_version": "2025-11-25"}
    ping = post_bytes(stage, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, **session)
    assert [(await connection.ask(ping))[0][0] for _ in range(2)] == [200, 200]
    delete = ping[: ping.index(b"\r\n\r\n") + 4].replace(b"POST", b"DELETE").split(b"\r\n")
    head = b"\r\n".join(line for line in delete if not line.startswith(b"Content-Length"))
    ((status, _, _),) = await connection.ask(head)
    assert status == 204
    assert [(await connection.ask(ping))[0][0] for _ in range(2)] == [404, 404]
