"""Heads that are long, many or slow, or never come: refused in bounded time and memory, and others are served."""

import time

import pytest

from tests.exhaustion.conftest import FILES
from tests.exhaustion.wire import MEBIBYTE, Closed, Connection, Door, closing, pour

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"X-{number}: y" for number in range(300)], id="many"),
        pytest.param(["X-Large: " + "y" * 70_000], id="a large one"),
        pytest.param([f"X-{number}: {'y' * 1_000}" for number in range(100)], id="large together"),
        pytest.param(["Accept: text/event-stream"] * 10_000, id="one over and over"),
    ],
)
def test_a_flood_of_headers_is_refused(door: Door, lines: list[str]) -> None:
    with door.connect() as connection:
        connection.send(door.post(PING, *lines))
        answer = connection.answer()
        assert answer.refusal == (431, "headers_too_large")
        assert answer.headers["connection"] == "close"
        assert connection.rest() == b""
    assert door.is_served()


@pytest.mark.parametrize(
    ("length", "refusal"), [(65_430, (431, "headers_too_large")), (100_000, (400, "malformed_request"))]
)
def test_an_address_of_any_length_is_refused(door: Door, length: int, refusal: tuple[int, str]) -> None:
    answer = door.ask(door.post(PING).replace(b"/mcp ", b"/mcp?" + b"x" * length + b" ", 1))
    assert answer.refusal == refusal
    assert door.is_served()


@pytest.mark.parametrize("piece", [b"y" * 65_536, b"X: y\r\n" * 10_000, b"X: y\r\n " * 10_000])
def test_a_head_without_an_end_is_not_held(door: Door, piece: bytes) -> None:
    before = door.resident()
    with door.connect() as connection:
        connection.send(door.head() + b"X-Endless: ")
        pour(connection, piece)
        assert connection.answer().status in (400, 431)
    assert door.resident() - before < 16 * MEBIBYTE
    assert door.is_served()


@pytest.mark.parametrize("first", [b"", b"P", b"POST /t/a/b/mcp HTTP/1.1\r\nHost: loc", b"\r\n\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(door: Door, first: bytes) -> None:
    with door.connect() as connection:
        connection.send(first)
        assert door.is_served()
        answer = connection.answer()
        assert answer.refusal == (408, "headers_too_slow")
        assert answer.headers["connection"] == "close"
        assert connection.rest() == b""


def test_a_head_that_drips_is_bounded_as_a_whole(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.head())
        pour(connection, b"X: y\r\n", pause=0.1)
        assert connection.answer().refusal == (408, "headers_too_slow")
    assert door.is_served()


def test_a_further_request_has_to_come_in_time_too(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.post(PING))
        assert connection.answer().status == 200
        connection.send(door.head())
        assert connection.answer().refusal == (408, "headers_too_slow")


def test_connections_beyond_what_files_allow_are_refused_and_come_free_again(narrow_door: Door) -> None:
    idle: list[Connection] = []
    with closing(idle):
        refused = None
        while refused is None and len(idle) < FILES:
            idle.append(narrow_door.connect())
            refused = _refusal(idle[-1], narrow_door) if len(idle) > FILES // 3 else None
        assert refused == (503, "overloaded")
    deadline = time.monotonic() + 5
    while not _tries(narrow_door):
        assert time.monotonic() < deadline


def _refusal(connection: Connection, door: Door) -> tuple[int, str] | None:
    """What the connection is refused with, if it is."""
    try:
        connection.send(door.post(PING))
        answer = connection.answer()
    except Closed:
        return None
    return None if answer.status == 200 else answer.refusal


def _tries(door: Door) -> bool:
    try:
        return door.ask(door.post(PING)).status == 200
    except Closed:
        return False
