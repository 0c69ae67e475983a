"""The fast lane answers as ASGI does: the same bytes go to both, and the same answers come."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mcp_runtime.transports.fast_lane import MAXIMUM_BODY_BYTES, FastLane
from mcp_runtime.transports.heads import RequestHead
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, CAPABILITIES, Client, eventually, serving
from tests.mcp_runtime.transports.lanes import (
    CALL,
    INITIALIZE,
    Lanes,
    Response,
    in_lanes,
    modern_bytes,
    post_bytes,
    read_response,
    request_bytes,
)


@pytest.fixture
def furnished(stage: Stage) -> Stage:
    """With a tool that reports, one that asks, and one that never waits."""
    stage.add_tool("reports", "report")
    stage.add_tool("asks", "ask")
    stage.add_tool("instantly", "instantly", input_schema={"type": "object", "maxProperties": 2})
    return stage


@pytest.fixture
async def lanes(worker: Worker, furnished: Stage) -> AsyncIterator[Lanes]:
    """Both, on ports of their own."""
    async with in_lanes(worker) as lanes:
        yield lanes


@pytest.fixture
async def held(furnished: Stage, worker: Worker) -> None:
    """From the start the worker holds the endpoint, and has borrowed what its calls need."""
    await furnished.client(worker).modern("tools/call", CALL)


async def _exchange(lanes: Lanes, lane: str, *chunks: bytes, answers: int = 1) -> list[Response]:
    """Sends chunks, each when the one before has arrived, and reads so many responses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports[lane])
    try:
        for chunk in chunks:
            writer.write(chunk)
            left = len(chunk)
            while left:
                left -= await asyncio.wait_for(lanes.heard.get(), BOUND_SECONDS)
        return [await asyncio.wait_for(read_response(reader), BOUND_SECONDS) for _ in range(answers)]
    finally:
        writer.close()


def _comparable(response: Response) -> Any:
    """A response without what differs from one to the next anyway: sealed tokens, ids of failures."""
    status, headers, body = response
    session = headers.pop("mcp-session-id", None)
    assert int(headers.pop("content-length", len(body))) == len(body)  # ids of failures differ in length
    text = re.sub(r'("request_id":"|\\"request_id\\":\\")[^"\\]+', r"\1", body.decode())
    return status, headers, bool(session), text


async def _same(lanes: Lanes, *chunks: bytes, answers: int = 1) -> list[Response]:
    """What both answered, which is the same."""
    lane = await _exchange(lanes, "lane", *chunks, answers=answers)
    plain = await _exchange(lanes, "plain", *chunks, answers=answers)
    assert [_comparable(response) for response in lane] == [_comparable(response) for response in plain]
    return lane


INSTANT = {"name": "instantly", "arguments": {"text": "hello"}}
ORDINARY = {
    "call": lambda stage: modern_bytes(stage, "tools/call", CALL),
    "list": lambda stage: modern_bytes(stage, "tools/list"),
    "discover": lambda stage: modern_bytes(stage, "server/discover"),
    "crash": lambda stage: modern_bytes(stage, "tools/call", {"name": "crash", "arguments": {}}),
    "instant": lambda stage: modern_bytes(stage, "tools/call", INSTANT),
    "instant failure": lambda stage: modern_bytes(stage, "tools/call", INSTANT | {"arguments": {"fail": 1}}),
    "instant refusal": lambda stage: modern_bytes(
        stage, "tools/call", INSTANT | {"arguments": dict.fromkeys("abc", 1)}
    ),
    "instant with a state that is not its": lambda stage: modern_bytes(
        stage, "tools/call", INSTANT | {"requestState": "forged"}
    ),
    "unknown tool": lambda stage: modern_bytes(stage, "tools/call", {"name": "none"}),
    "unknown method": lambda stage: modern_bytes(stage, "no/method"),
    "header mismatch": lambda stage: modern_bytes(stage, "tools/call", CALL, mcp_name="other"),
    "unknown version": lambda stage: modern_bytes(stage, "tools/list", mcp_protocol_version="2999-01-01"),
    "notification": lambda stage: post_bytes(stage, {"jsonrpc": "2.0", "method": "notifications/initialized"}),
    "initialize": lambda stage: post_bytes(stage, INITIALIZE),
    "without a session": lambda stage: post_bytes(stage, {"jsonrpc": "2.0", "id": 3, "method": "ping"}),
    "no json": lambda stage: post_bytes(stage, b"{"),
    "empty body": lambda stage: post_bytes(stage, b""),
    "wrong key": lambda stage: modern_bytes(stage, "tools/list", authorization="Bearer amk_wrong"),
    "no key": lambda stage: modern_bytes(stage, "tools/list", authorization=None),
    "not acceptable": lambda stage: modern_bytes(stage, "tools/list", accept="text/html"),
    "wrong media type": lambda stage: modern_bytes(stage, "tools/list", content_type="text/xml"),
    "compressed": lambda stage: modern_bytes(stage, "tools/list", content_encoding="gzip"),
    "wrong host": lambda stage: modern_bytes(stage, "tools/list", host="evil.example"),
    "two hosts": lambda stage: modern_bytes(stage, "tools/list", Host="localhost", host="localhost"),
}
ASIDE = {
    "an origin": lambda stage: modern_bytes(stage, "tools/list", origin="https://evil.example"),
    "an unknown path": lambda stage: modern_bytes(stage, "tools/list", path="/t/none/none/mcp"),
    "a query": lambda stage: modern_bytes(stage, "tools/list", path=f"{stage.path}?a=b"),
    "a key in the query": lambda stage: modern_bytes(stage, "tools/list", path=f"{stage.path}?access_token=x"),
    "an encoded path": lambda stage: modern_bytes(stage, "tools/list", path=stage.path.replace("mcp", "%6dcp")),
    "closing": lambda stage: modern_bytes(stage, "tools/list", connection="close"),
    "an old version": lambda stage: modern_bytes(stage, "tools/list", http="HTTP/1.0"),
    "expecting": lambda stage: modern_bytes(stage, "tools/call", CALL, expect="something"),
    "a large body": lambda stage: modern_bytes(
        stage, "tools/call", {"name": "echo", "arguments": {"text": "x" * 3 * MAXIMUM_BODY_BYTES}}
    ),
    "a batch": lambda stage: post_bytes(stage, [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]),
    "another method": lambda stage: request_bytes(f"PUT {stage.path} HTTP/1.1", {"Host": "localhost:8100"}, b""),
    "a get": lambda stage: request_bytes(f"GET {stage.path} HTTP/1.1", {"Host": "localhost:8100"}, b""),
}


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("name", ORDINARY)
async def test_what_is_ordinary_is_answered_in_the_lane(name: str, lanes: Lanes, stage: Stage) -> None:
    await _same(lanes, ORDINARY[name](stage))
    assert lanes.taken == 1


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("name", ASIDE)
async def test_what_is_not_ordinary_goes_on_to_asgi(name: str, lanes: Lanes, stage: Stage) -> None:
    await _same(lanes, ASIDE[name](stage))
    assert lanes.taken == 0


async def test_what_is_not_held_yet_is_loaded(lanes: Lanes, stage: Stage) -> None:
    answers = [await _same(lanes, modern_bytes(stage, "tools/call", CALL)) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert lanes.taken == 2


@pytest.mark.usefixtures("held")
async def test_a_body_in_parts_is_the_same_body(lanes: Lanes, stage: Stage) -> None:
    whole = modern_bytes(stage, "tools/call", CALL)
    for cut in (10, whole.index(b"\r\n\r\n") + 4, len(whole) - 5):
        await _same(lanes, whole[:cut], whole[cut:])


@pytest.mark.usefixtures("held")
async def test_a_chunked_body_is_read(lanes: Lanes, stage: Stage) -> None:
    whole = modern_bytes(stage, "tools/call", CALL, content_length=None, transfer_encoding="chunked")
    head, _, body = whole.partition(b"\r\n\r\n")
    head += b"\r\n\r\n"
    await _same(lanes, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert lanes.taken == 0


@pytest.mark.usefixtures("held")
async def test_requests_behind_one_another_are_answered_in_order(lanes: Lanes, stage: Stage) -> None:
    many = b"".join(modern_bytes(stage, "tools/call", CALL, identifier=number) for number in range(20))
    answers = await _same(lanes, many, answers=20)
    assert [json.loads(body)["id"] for _, _, body in answers] == list(range(20))
    assert lanes.taken == 20


@pytest.mark.usefixtures("held")
async def test_what_stands_behind_a_waiting_call_waits(lanes: Lanes, stage: Stage, probe: Probe) -> None:
    waiting = modern_bytes(stage, "tools/call", {"name": "wait", "arguments": {}}, identifier=1)
    port = lanes.ports["lane"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(waiting + modern_bytes(stage, "tools/call", CALL, identifier=2))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    assert lanes.taken == 0
    probe.go_on.set()
    answers = [await asyncio.wait_for(read_response(reader), BOUND_SECONDS) for _ in range(2)]
    assert [json.loads(body)["id"] for _, _, body in answers] == [1, 2]
    writer.close()


def is_at_asgi(connection: FastLane) -> bool:
    """Whether ASGI has heard of a request of this connection."""
    return bool(connection.scope)


@pytest.mark.usefixtures("held")
async def test_a_call_that_takes_a_moment_is_answered_in_the_lane(lanes: Lanes, stage: Stage, probe: Probe) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    for identifier in (1, 2):
        writer.write(modern_bytes(stage, "tools/call", {"name": "wait", "arguments": {}}, identifier=identifier))
        await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
        (connection,) = lanes.connections
        assert not is_at_asgi(connection)
        probe.go_on.set()
        status, _, body = await asyncio.wait_for(read_response(reader), BOUND_SECONDS)
        assert (status, json.loads(body)["id"]) == (200, identifier)
        probe.go_on.clear()
        probe.started.clear()
    assert lanes.waited == 2
    writer.close()


@pytest.mark.usefixtures("held")
async def test_a_call_that_takes_longer_goes_on_as_if_it_had_been_asgi_s_from_the_start(
    lanes: Lanes, stage: Stage, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.pending.MOMENT_SECONDS", 0.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(modern_bytes(stage, "tools/call", {"name": "wait", "arguments": {}}))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    (connection,) = lanes.connections

    async def handed_over() -> bool:
        await asyncio.sleep(0)
        return is_at_asgi(connection)

    await eventually(handed_over)
    probe.go_on.set()
    status, _, body = await asyncio.wait_for(read_response(reader), BOUND_SECONDS)
    assert (status, json.loads(body)["result"]["isError"]) == (200, False)
    writer.write(modern_bytes(stage, "tools/call", CALL, identifier=2))
    assert json.loads((await asyncio.wait_for(read_response(reader), BOUND_SECONDS))[2])["id"] == 2
    writer.close()


@pytest.mark.usefixtures("held")
async def test_a_request_that_comes_while_a_call_waits_is_answered_after_it(
    lanes: Lanes, stage: Stage, probe: Probe
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(modern_bytes(stage, "tools/call", {"name": "wait", "arguments": {}}, identifier=1))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    while not lanes.heard.empty():
        lanes.heard.get_nowait()
    writer.write(modern_bytes(stage, "tools/call", CALL, identifier=2))
    await asyncio.wait_for(lanes.heard.get(), BOUND_SECONDS)
    probe.go_on.set()
    answers = [await asyncio.wait_for(read_response(reader), BOUND_SECONDS) for _ in range(2)]
    assert [json.loads(body)["id"] for _, _, body in answers] == [1, 2]
    writer.close()


@pytest.mark.usefixtures("held")
async def test_a_client_that_leaves_cancels_its_call(lanes: Lanes, stage: Stage, probe: Probe) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(modern_bytes(stage, "tools/call", {"name": "wait", "arguments": {}}))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    writer.close()
    await asyncio.wait_for(probe.cancelled.wait(), BOUND_SECONDS)


@pytest.mark.usefixtures("held")
async def test_a_call_that_reports_at_once_becomes_a_stream(lanes: Lanes, stage: Stage) -> None:
    call = modern_bytes(stage, "tools/call", {"name": "reports", "arguments": {}}, meta={"progressToken": 7})
    ((status, headers, body),) = await _same(lanes, call)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert body.count(b"notifications/progress") == 1
    assert lanes.taken == 0


@pytest.mark.usefixtures("held")
async def test_a_question_ends_the_call_in_the_lane_too(lanes: Lanes, stage: Stage) -> None:
    call = modern_bytes(
        stage, "tools/call", {"name": "asks", "arguments": {}}, meta={CAPABILITIES: {"elicitation": {"form": {}}}}
    )
    (answer,) = await _exchange(lanes, "lane", call)
    assert json.loads(answer[2])["result"]["resultType"] == "input_required"
    assert lanes.taken == 1


async def test_a_limit_below_what_the_lane_takes_holds_there_too(furnished: Stage) -> None:
    async with serving(Worker(limits=Limits(body_bytes=600))) as worker, in_lanes(worker) as lanes:
        await furnished.client(worker).modern("tools/call", CALL)
        small, large = (
            modern_bytes(furnished, "tools/call", {"name": "echo", "arguments": {"text": "x" * size}})
            for size in (1, 600)
        )
        ((status, _, _),) = await _same(lanes, small)
        assert status == 200
        for _ in range(2):
            ((status, _, _),) = await _same(lanes, large)
            assert status == 413
        assert lanes.taken == 1


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(lanes: Lanes, stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    for _ in range(3):
        writer.write(modern_bytes(stage, "tools/call", CALL))
        await asyncio.wait_for(read_response(reader), BOUND_SECONDS)
    (connection,) = lanes.connections
    connection.timeout_keep_alive_handler()
    writer.write(modern_bytes(stage, "tools/call", CALL))
    assert (await asyncio.wait_for(read_response(reader), BOUND_SECONDS))[0] == 200
    connection.timeout_keep_alive = 0
    connection.timeout_keep_alive_handler()
    assert await asyncio.wait_for(reader.read(), BOUND_SECONDS) == b""
    writer.close()


async def test_a_server_that_ends_answers_once_more_and_says_goodbye(lanes: Lanes, stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    for _ in range(2):
        writer.write(modern_bytes(stage, "tools/call", CALL))
        await asyncio.wait_for(read_response(reader), BOUND_SECONDS)
    (connection,) = lanes.connections
    connection.shutdown()
    writer.write(modern_bytes(stage, "tools/call", CALL))
    status, headers, _ = await asyncio.wait_for(read_response(reader), BOUND_SECONDS)
    assert (status, headers["connection"]) == (200, "close")
    assert await asyncio.wait_for(reader.read(), BOUND_SECONDS) == b""
    writer.close()


async def test_a_server_that_ends_closes_who_asks_nothing(lanes: Lanes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(b"POST ")
    await asyncio.wait_for(lanes.heard.get(), BOUND_SECONDS)
    (connection,) = lanes.connections
    connection.shutdown()
    assert await asyncio.wait_for(reader.read(), BOUND_SECONDS) == b""
    writer.close()


async def test_a_worker_that_is_not_up_answers_by_asgi(stage: Stage) -> None:
    worker = Worker()
    assert worker.answer_now(RequestHead(stage.path, []), b"") is None
    answer = await Client(worker, stage.path).modern("tools/list")
    assert answer.status == 503


@pytest.mark.usefixtures("held")
async def test_calls_beyond_a_turn_wait_for_the_next_in_the_lane(
    lanes: Lanes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.quota.fairness.ALONE", 0)
    call = modern_bytes(stage, "tools/call", CALL)
    await stage.client(lanes.worker).modern("tools/call", CALL)  # from the next turn on
    before = lanes.waited
    ((status, _, body),) = await _exchange(lanes, "lane", call)
    assert (status, json.loads(body)["id"]) == (200, 1)
    assert lanes.waited == before + 1


@pytest.mark.usefixtures("held")
async def test_a_call_that_waits_for_its_turn_alone_is_begun_when_it_comes(
    lanes: Lanes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.quota.fairness.ALONE", 0)
    await stage.client(lanes.worker).modern("tools/call", INSTANT)
    for identifier in (1, 2):
        ((status, _, body),) = await _exchange(
            lanes, "lane", modern_bytes(stage, "tools/call", INSTANT, identifier=identifier)
        )
        assert (status, json.loads(body)["id"]) == (200, identifier)
    assert (lanes.lined_up, lanes.waited) == (2, 0)


@pytest.mark.usefixtures("held")
async def test_who_sends_more_while_waiting_for_a_turn_is_answered_in_order(
    lanes: Lanes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.quota.fairness.ALONE", 0)
    await stage.client(lanes.worker).modern("tools/call", INSTANT)
    two = [modern_bytes(stage, "tools/call", INSTANT, identifier=number) for number in (1, 2)]
    answers = await _same(lanes, b"".join(two), answers=2)
    assert [json.loads(body)["id"] for _, _, body in answers] == [1, 2]


@pytest.mark.usefixtures("held")
async def test_who_leaves_while_waiting_for_a_turn_takes_none(
    lanes: Lanes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.quota.fairness.ALONE", 0)
    monkeypatch.setattr("mcp_runtime.quota.fairness.AMONG_OTHERS", 0)
    await stage.client(lanes.worker).modern("tools/list")
    _, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(modern_bytes(stage, "tools/call", INSTANT))
    await asyncio.wait_for(lanes.heard.get(), BOUND_SECONDS)
    (connection,) = lanes.connections
    writer.close()

    async def gone() -> bool:
        await asyncio.sleep(0)
        return connection.transport.is_closing()

    await eventually(gone)
    monkeypatch.undo()
    ((status, _, _),) = await _exchange(lanes, "lane", modern_bytes(stage, "tools/call", INSTANT))
    assert (status, is_at_asgi(connection)) == (200, False)
