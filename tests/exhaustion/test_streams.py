"""Streams that nobody reads, or that thousands want: dropped or refused, and others are served."""

import json
import time
from typing import Any

from tests.exhaustion.conftest import STREAMS
from tests.exhaustion.wire import MEBIBYTE, Connection, Door, closing
from tests.processes import eventually

IDENTIFIER = "s" * 1_000
TRIGGERS = ("test_trigger_tool_change", "test_trigger_prompt_change")
ALL = {"notifications": {"toolsListChanged": True, "promptsListChanged": True}}
LARGE = "x" * 200_000


def _listen(door: Door, identifier: Any = 1, *, small: bool = False) -> Connection:
    connection = door.connect(small=small)
    connection.send(door.modern("subscriptions/listen", ALL, identifier))
    return connection


def _is_listening(connection: Connection) -> bool:
    status, headers = connection.head()
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    return bool(connection.event()["method"] == "notifications/subscriptions/acknowledged")


def test_a_listener_that_does_not_read_is_dropped_and_those_who_read_hear_everything(door: Door) -> None:
    before, connections = door.resident(), door.connections()
    with _listen(door, IDENTIFIER, small=True) as sleeper, _listen(door, "awake") as awake, door.connect() as caller:
        assert _is_listening(awake)
        for number in range(400):
            caller.send(door.modern("tools/call", {"name": TRIGGERS[number % 2], "arguments": {}}, number))
            assert caller.answer().status == 200
            expected = "notifications/tools/list_changed", "notifications/prompts/list_changed"
            assert awake.event()["method"] == expected[number % 2]
        # The two that read stay.
        eventually(lambda: door.connections() <= connections + 2)
        assert len(sleeper.rest()) < 300 * len(IDENTIFIER)
        assert door.resident() - before < 16 * MEBIBYTE
    assert door.is_served()


def test_a_client_that_does_not_read_its_answer_is_dropped(door: Door) -> None:
    before, connections = door.resident(), door.connections()
    call = door.message("tools/call", {"name": "echo", "arguments": {"text": LARGE}})
    sleepers = [door.connect(small=True) for _ in range(20)]
    with closing(sleepers):
        for sleeper in sleepers:
            sleeper.send(call)
        assert door.is_served()
        eventually(lambda: door.connections() <= connections)
        assert all(len(sleeper.rest()) < len(LARGE) for sleeper in sleepers)
    assert door.resident() - before < 24 * MEBIBYTE
    assert door.is_served()


def test_an_answer_that_is_read_slowly_is_read_whole(door: Door) -> None:
    call = door.message("tools/call", {"name": "echo", "arguments": {"text": LARGE}})
    with door.connect(small=True) as slow:
        slow.send(call)
        status, headers = slow.head()
        body = b"".join(_slowly(slow, int(headers["content-length"])))
    assert status == 200
    assert json.loads(body)["result"]["content"][0]["text"] == LARGE


def _slowly(connection: Connection, size: int) -> Any:
    """The bytes of a body over about two seconds, which is longer than the server waits for a client that stands."""
    piece = size // 20
    while size > 0:
        time.sleep(0.1)
        taken = connection.exactly(min(piece, size))
        size -= len(taken)
        yield taken


def test_streams_beyond_the_limit_are_refused_and_come_free_again(door: Door) -> None:
    listeners: list[Connection] = []
    with closing(listeners):
        while len(listeners) < STREAMS:
            listeners.append(_listen(door, len(listeners)))
            assert _is_listening(listeners[-1])
        refused = door.ask(door.modern("subscriptions/listen", ALL, "one more"))
        assert (refused.status, refused.json["id"]) == (503, "one more")
        assert refused.json["error"]["data"]["refusal"] == "overloaded"
        assert refused.headers["retry-after"] == "1"
        assert door.is_served()
    _soon_listens(door).close()


def test_a_listener_that_leaves_frees_its_place_whatever_it_sent_behind(door: Door) -> None:
    for _ in range(2):
        listeners: list[Connection] = []
        with closing(listeners):
            for number in range(STREAMS):
                listeners.append(_soon_listens(door))
                listeners[-1].send(door.message("ping", identifier=number) * 2)
        assert door.is_served()


def _soon_listens(door: Door) -> Connection:
    """A listener; those who left a moment ago may be noticed a moment later."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        connection = _listen(door)
        status, _ = connection.head()
        if status == 200:
            return connection
        connection.close()
    raise AssertionError("there is no room for a listener")
