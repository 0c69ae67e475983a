"""The fast lane answers as ASGI does: the same bytes go to both, and the same answers come."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mcp_runtime.protocol.headers import RawHeaders
from mcp_runtime.protocol.replies import Reply
from mcp_runtime.transports.bounded_http import Bounds
from mcp_runtime.transports.fast_lane import MAXIMUM_BODY_BYTES, FastLane
from mcp_runtime.transports.streamable_http import Rest
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, CAPABILITIES, Client, modern
from tests.witness.asgi import Witness
from tests.witness.plugin import report

Response = tuple[int, dict[str, str], bytes]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def _served(worker: Worker, http: Any) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            Witness(worker, report),
            loop="none",
            http=http,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asyncio.wait_for(server.up.wait(), BOUND_SECONDS)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 2 * BOUND_SECONDS)


class Lanes:
    """One worker behind both shells. `taken` counts what the lane answered at once, `heard` what arrived by itself."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.ports: dict[str, int] = {}
        self.connections: list[FastLane] = []
        self.taken = 0
        self.heard = asyncio.Queue[int]()

    def answer_now(self, path: str, raw: RawHeaders, body: bytes) -> Reply | Rest | None:
        answer = self.worker.answer_now(path, raw, body)
        self.taken += isinstance(answer, Reply)
        return answer

    def lane(self, **arguments: Any) -> FastLane:
        """A connection of the lane's shell."""
        connection = FastLane(answer_now=self.answer_now, bounds=Bounds(), **arguments)
        self.connections.append(connection)
        return self._noting(connection)

    def plain(self, **arguments: Any) -> HttpToolsProtocol:
        """A connection of the other's."""
        return self._noting(HttpToolsProtocol(**arguments))

    def _noting[Connection: HttpToolsProtocol](self, connection: Connection) -> Connection:
        hear = connection.data_received

        def data_received(data: bytes) -> None:
            hear(data)
            self.heard.put_nowait(len(data))

        connection.data_received = data_received  # type: ignore[method-assign]
        return connection


@pytest.fixture
def furnished(stage: Stage) -> Stage:
    """With a tool that reports, and one that asks."""
    stage.add_tool("reports", "report")
    stage.add_tool("asks", "ask")
    return stage


@pytest.fixture
async def lanes(worker: Worker, furnished: Stage) -> AsyncIterator[Lanes]:
    """Both, on ports of their own."""
    lanes = Lanes(worker)
    async with _served(worker, lanes.lane) as one, _served(worker, lanes.plain) as other:
        lanes.ports = {"lane": one, "plain": other}
        yield lanes


@pytest.fixture
async def held(furnished: Stage, worker: Worker) -> None:
    """From the start the worker holds the endpoint, and has borrowed what its calls need."""
    await furnished.client(worker).modern("tools/call", CALL)


def _bytes(head: str, headers: dict[str, str | None], body: bytes) -> bytes:
    lines = [head, *(f"{name}: {value}" for name, value in headers.items() if value is not None), "", ""]
    return "\r\n".join(lines).encode() + body


def _post(stage: Stage, message: Any, *, path: str = "", http: str = "HTTP/1.1", **extra: str | None) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    headers: dict[str, str | None] = {
        "Host": "localhost:8100",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {stage.key}",
        "Content-Length": str(len(body)),
    }
    named = {name.replace("_", "-"): value for name, value in extra.items()}
    return _bytes(f"POST {path or stage.path} {http}", headers | named, body)


def _modern(stage: Stage, method: str, params: dict[str, Any] | None = None, **extra: Any) -> bytes:
    message, headers = modern(method, params, extra.pop("identifier", 1))
    message["params"]["_meta"] |= extra.pop("meta", {})
    return _post(stage, message, **{name.replace("-", "_"): value for name, value in headers.items()} | extra)


async def _exchange(lanes: Lanes, lane: str, *chunks: bytes, answers: int = 1) -> list[Response]:
    """Sends chunks, each when the one before has arrived, and reads so many responses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports[lane])
    try:
        for chunk in chunks:
            writer.write(chunk)
            left = len(chunk)
            while left:
                left -= await asyncio.wait_for(lanes.heard.get(), BOUND_SECONDS)
        return [await asyncio.wait_for(_response(reader), BOUND_SECONDS) for _ in range(answers)]
    finally:
        writer.close()


async def _response(reader: asyncio.StreamReader) -> Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    status = int(head[0].split()[1])
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await _chunked(reader)
    else:
        body = b""
    return status, {name: value for name, value in headers.items() if name not in ("date", "server")}, body


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int((await reader.readline()).strip(), 16):
        whole += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return whole


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


CALL = {"name": "echo", "arguments": {"text": "hello"}}
INITIALIZE = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip
ORDINARY = {
    "call": lambda stage: _modern(stage, "tools/call", CALL),
    "list": lambda stage: _modern(stage, "tools/list"),
    "discover": lambda stage: _modern(stage, "server/discover"),
    "crash": lambda stage: _modern(stage, "tools/call", {"name": "crash", "arguments": {}}),
    "unknown tool": lambda stage: _modern(stage, "tools/call", {"name": "none"}),
    "unknown method": lambda stage: _modern(stage, "no/method"),
    "header mismatch": lambda stage: _modern(stage, "tools/call", CALL, mcp_name="other"),
    "unknown version": lambda stage: _modern(stage, "tools/list", mcp_protocol_version="2999-01-01"),
    "notification": lambda stage: _post(stage, {"jsonrpc": "2.0", "method": "notifications/initialized"}),
    "initialize": lambda stage: _post(stage, INITIALIZE),
    "without a session": lambda stage: _post(stage, {"jsonrpc": "2.0", "id": 3, "method": "ping"}),
    "no json": lambda stage: _post(stage, b"{"),
    "empty body": lambda stage: _post(stage, b""),
    "wrong key": lambda stage: _modern(stage, "tools/list", authorization="Bearer amk_wrong"),
    "no key": lambda stage: _modern(stage, "tools/list", authorization=None),
    "not acceptable": lambda stage: _modern(stage, "tools/list", accept="text/html"),
    "wrong media type": lambda stage: _modern(stage, "tools/list", content_type="text/xml"),
    "compressed": lambda stage: _modern(stage, "tools/list", content_encoding="gzip"),
    "wrong host": lambda stage: _modern(stage, "tools/list", host="evil.example"),
    "two hosts": lambda stage: _modern(stage, "tools/list", Host="localhost", host="localhost"),
}
ASIDE = {
    "an origin": lambda stage: _modern(stage, "tools/list", origin="https://evil.example"),
    "an unknown path": lambda stage: _modern(stage, "tools/list", path="/t/none/none/mcp"),
    "a query": lambda stage: _modern(stage, "tools/list", path=f"{stage.path}?a=b"),
    "a key in the query": lambda stage: _modern(stage, "tools/list", path=f"{stage.path}?access_token=x"),
    "an encoded path": lambda stage: _modern(stage, "tools/list", path=stage.path.replace("mcp", "%6dcp")),
    "closing": lambda stage: _modern(stage, "tools/list", connection="close"),
    "an old version": lambda stage: _modern(stage, "tools/list", http="HTTP/1.0"),
    "expecting": lambda stage: _modern(stage, "tools/call", CALL, expect="something"),
    "a large body": lambda stage: _modern(
        stage, "tools/call", {"name": "echo", "arguments": {"text": "x" * 3 * MAXIMUM_BODY_BYTES}}
    ),
    "a batch": lambda stage: _post(stage, [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]),
    "another method": lambda stage: _bytes(f"PUT {stage.path} HTTP/1.1", {"Host": "localhost:8100"}, b""),
    "a get": lambda stage: _bytes(f"GET {stage.path} HTTP/1.1", {"Host": "localhost:8100"}, b""),
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
    answers = [await _same(lanes, _modern(stage, "tools/call", CALL)) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert lanes.taken == 2


@pytest.mark.usefixtures("held")
async def test_a_body_in_parts_is_the_same_body(lanes: Lanes, stage: Stage) -> None:
    whole = _modern(stage, "tools/call", CALL)
    for cut in (10, whole.index(b"\r\n\r\n") + 4, len(whole) - 5):
        await _same(lanes, whole[:cut], whole[cut:])


@pytest.mark.usefixtures("held")
async def test_a_chunked_body_is_read(lanes: Lanes, stage: Stage) -> None:
    whole = _modern(stage, "tools/call", CALL, content_length=None)
    whole = whole.replace(b"Content-Length: ", b"X-Length: ")
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"X-Length")]
    head = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
    await _same(lanes, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert lanes.taken == 0


@pytest.mark.usefixtures("held")
async def test_requests_behind_one_another_are_answered_in_order(lanes: Lanes, stage: Stage) -> None:
    many = b"".join(_modern(stage, "tools/call", CALL, identifier=number) for number in range(20))
    answers = await _same(lanes, many, answers=20)
    assert [json.loads(body)["id"] for _, _, body in answers] == list(range(20))
    assert lanes.taken == 20


@pytest.mark.usefixtures("held")
async def test_what_stands_behind_a_waiting_call_waits(lanes: Lanes, stage: Stage, probe: Probe) -> None:
    waiting = _modern(stage, "tools/call", {"name": "wait", "arguments": {}}, identifier=1)
    port = lanes.ports["lane"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(waiting + _modern(stage, "tools/call", CALL, identifier=2))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    assert lanes.taken == 0
    probe.go_on.set()
    answers = [await asyncio.wait_for(_response(reader), BOUND_SECONDS) for _ in range(2)]
    assert [json.loads(body)["id"] for _, _, body in answers] == [1, 2]
    writer.close()


@pytest.mark.usefixtures("held")
async def test_a_client_that_leaves_cancels_its_call(lanes: Lanes, stage: Stage, probe: Probe) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    writer.write(_modern(stage, "tools/call", {"name": "wait", "arguments": {}}))
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    writer.close()
    await asyncio.wait_for(probe.cancelled.wait(), BOUND_SECONDS)


@pytest.mark.usefixtures("held")
async def test_a_call_that_reports_at_once_becomes_a_stream(lanes: Lanes, stage: Stage) -> None:
    call = _modern(stage, "tools/call", {"name": "reports", "arguments": {}}, meta={"progressToken": 7})
    ((status, headers, body),) = await _same(lanes, call)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert body.count(b"notifications/progress") == 1
    assert lanes.taken == 0


@pytest.mark.usefixtures("held")
async def test_a_question_ends_the_call_in_the_lane_too(lanes: Lanes, stage: Stage) -> None:
    call = _modern(
        stage, "tools/call", {"name": "asks", "arguments": {}}, meta={CAPABILITIES: {"elicitation": {"form": {}}}}
    )
    (answer,) = await _exchange(lanes, "lane", call)
    assert json.loads(answer[2])["result"]["resultType"] == "input_required"
    assert lanes.taken == 1


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(lanes: Lanes, stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    for _ in range(3):
        writer.write(_modern(stage, "tools/call", CALL))
        await asyncio.wait_for(_response(reader), BOUND_SECONDS)
    (connection,) = lanes.connections
    connection.timeout_keep_alive_handler()
    writer.write(_modern(stage, "tools/call", CALL))
    assert (await asyncio.wait_for(_response(reader), BOUND_SECONDS))[0] == 200
    connection.timeout_keep_alive = 0
    connection.timeout_keep_alive_handler()
    assert await asyncio.wait_for(reader.read(), BOUND_SECONDS) == b""
    writer.close()


async def test_a_server_that_ends_answers_once_more_and_says_goodbye(lanes: Lanes, stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
    for _ in range(2):
        writer.write(_modern(stage, "tools/call", CALL))
        await asyncio.wait_for(_response(reader), BOUND_SECONDS)
    (connection,) = lanes.connections
    connection.shutdown()
    writer.write(_modern(stage, "tools/call", CALL))
    status, headers, _ = await asyncio.wait_for(_response(reader), BOUND_SECONDS)
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
    assert worker.answer_now(stage.path, [], b"") is None
    answer = await Client(worker, stage.path).modern("tools/list")
    assert answer.status == 503
