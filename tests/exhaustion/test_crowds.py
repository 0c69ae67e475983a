"""Messages by the ten thousand: taken at a bounded cost, and others are served meanwhile."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.exhaustion.wire import MEBIBYTE, Connection, Door

AT_ONCE = 50
SLOWEST_SECONDS = 5.0


@dataclass
class Neighbour:
    """A well-behaved client beside the crowd; how long each of its calls took."""

    seconds: list[float] = field(default_factory=list)


@contextmanager
def _neighbour(door: Door) -> Iterator[Neighbour]:
    neighbour, over = Neighbour(), threading.Event()

    def call() -> None:
        while not over.is_set():
            began = time.monotonic()
            assert door.is_served()
            neighbour.seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield neighbour
    finally:
        over.set()
        thread.join(30)
    assert not thread.is_alive()


def _session(door: Door) -> str:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    return door.ask(door.message("initialize", params)).headers["mcp-session-id"]


def _send_all(connection: Connection, message: bytes, number: int) -> None:
    """Sends it over and over, some at once, and reads every answer."""
    for _ in range(number // AT_ONCE):
        connection.send(message * AT_ONCE)
        for _ in range(AT_ONCE):
            answer = connection.answer()
            assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize(
    ("message", "number"),
    [
        pytest.param({"method": "notifications/initialized"}, 20_000, id="initialized"),
        pytest.param({"method": "notifications/nobody/knows", "params": {"a": [1] * 50}}, 5_000, id="unknown"),
        pytest.param({"method": "notifications/cancelled", "params": {"requestId": "no"}}, 5_000, id="cancelled"),
        pytest.param({"id": "0123456789abcdef.7", "result": {"action": "accept"}}, 5_000, id="answers to nothing"),
    ],
)
def test_notifications_by_the_thousand_harm_nobody(door: Door, message: dict[str, object], number: int) -> None:
    request = door.post(json.dumps({"jsonrpc": "2.0", **message}).encode(), f"Mcp-Session-Id: {_session(door)}")
    before = door.resident()
    with _neighbour(door) as neighbour, door.connect() as connection:
        _send_all(connection, request, number)
    assert max(neighbour.seconds) < SLOWEST_SECONDS
    assert len(neighbour.seconds) > 10
    assert door.resident() - before < 16 * MEBIBYTE


def test_sessions_by_the_thousand_are_not_kept(door: Door) -> None:
    client = {"name": "test" * 100, "version": "1"}
    capabilities = {"sampling": {}, "experimental": {"x": "y" * 1_000}}
    params = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": client}
    before = door.resident()
    with door.connect() as connection:
        for _ in range(2_000 // AT_ONCE):
            connection.send(door.message("initialize", params) * AT_ONCE)
            assert {connection.answer().status for _ in range(AT_ONCE)} == {200}
    assert door.resident() - before < 16 * MEBIBYTE
    assert door.is_served()


def test_connections_by_the_hundred_are_served_one_after_the_other(door: Door) -> None:
    connections = [door.connect() for _ in range(500)]
    try:
        for connection in connections:
            connection.send(door.message("ping"))
        assert {connection.answer().status for connection in connections} == {200}
        assert door.is_served()
    finally:
        for connection in connections:
            connection.close()
