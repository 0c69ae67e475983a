"""What is refused before a message is read: hosts, origins, addresses, verbs, media types, bodies."""

import asyncio
from typing import Any

import pytest

from core.refusals import ALL
from mcp_runtime.transports.guards import Guards
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.conftest import unique
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOTH, Answer, request, serving, whole

NUMBERS = {refusal.name: refusal.number for refusal in ALL}
PING = request("tools/list")


def refusal_of(answer: Answer) -> tuple[int, str]:
    """Status and name of a refusal, whose body is a JSON-RPC error without an id."""
    error = answer.json["error"]
    assert answer.json == {"jsonrpc": "2.0", "error": error}
    assert error["data"]["number"] == NUMBERS[error["data"]["refusal"]]
    assert error["message"]
    assert error["data"]["advice"]
    return answer.status, error["data"]["refusal"]


@pytest.mark.parametrize(
    "host", ["localhost:8100", "localhost", "LOCALHOST:1", "127.0.0.1:8100", "[::1]:8100", "[::1]", "127.0.0.1"]
)
async def test_a_local_runtime_is_reached_by_every_loopback_name(stage: Stage, worker: Worker, host: str) -> None:
    assert (await stage.client(worker).modern("tools/list", host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "localhost.evil.example.com",
        "localhost:8100@evil",
        "localhost:x",
        "",
        "[::1",
        "[::1]evil.example.com",
        "[::1]:x",
        "127.0.0.2",
        None,
    ],
)
async def test_another_host_name_is_refused(stage: Stage, worker: Worker, host: str | None) -> None:
    answer = await stage.client(worker).modern("tools/list", host=host, origin="http://evil.example.com")
    assert refusal_of(answer) == (421, "host_not_allowed")


async def test_a_host_sent_twice_is_refused(stage: Stage, worker: Worker) -> None:
    host = (b"host", b"localhost:8100")
    answer = await whole(stage.client(worker).open_raw("POST", b"{}", [host, host]))
    assert refusal_of(answer) == (421, "host_not_allowed")


async def test_a_public_runtime_is_not_reached_by_loopback_names(stage: Stage) -> None:
    guards = Guards("https://mcp.example.com", ["other.example.com"])
    async with serving(Worker(guards=guards)) as worker:
        client = stage.client(worker)
        for host in ("mcp.example.com", "mcp.example.com:443", "other.example.com"):
            assert (await client.modern("tools/list", host=host)).status == 200
        assert refusal_of(await client.modern("tools/list", host="localhost")) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    "origin", ["http://evil.example.com", "null", "", "http://localhost:8000", "https://localhost:8100"]
)
async def test_a_foreign_origin_is_refused(stage: Stage, worker: Worker, origin: str) -> None:
    answer = await stage.client(worker).modern("tools/list", origin=origin)
    assert refusal_of(answer) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("cors")
async def test_an_allowed_origin_may_read_every_answer(open_stage: Stage, worker: Worker) -> None:
    client = open_stage.client(worker, key=None)
    for origin in ("https://app.example.com", "http://localhost:8100"):
        answer = await client.modern("tools/list", origin=origin)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Mcp-Session-Id" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"
    refused = await client.modern("tools/list", origin="https://app.example.com", authorization="Bearer no")
    assert refused.status == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example.com"


@pytest.mark.requirement("cors")
async def test_a_preflight_grants_what_a_client_sends_without_a_key(open_stage: Stage, worker: Worker) -> None:
    asked = "authorization, content-type, mcp-method, mcp-param-region, x-evil"
    headers: dict[str, str | None] = {
        "origin": "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": asked,
    }
    answer = await open_stage.client(worker, key=None).send("OPTIONS", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == asked.removesuffix(", x-evil")
    assert answer.headers["access-control-allow-methods"] == "GET, POST, DELETE"
    evil = await open_stage.client(worker).send("OPTIONS", headers={**headers, "origin": "https://evil.example.com"})
    assert refusal_of(evil) == (403, "origin_not_allowed")


async def test_an_address_that_does_not_exist_tells_nothing(stage: Stage, worker: Worker) -> None:
    tenant, endpoint = stage.tenant.slug, stage.endpoint.slug
    paths = [
        f"/t/{tenant}/{unique('no')}/mcp", f"/t/{unique('no')}/{endpoint}/mcp", f"/t/{tenant}/{endpoint}/mcp/",
        f"/t/{tenant}/{endpoint}", f"/t/{tenant}/{endpoint}/MCP", f"/T/{tenant}/{endpoint}/mcp", "/", "", "/t///mcp",
        f"/t/{tenant}\x00/{endpoint}/mcp", f"/t/{tenant}/é/mcp", f"/t/{'x' * 5_000}/{endpoint}/mcp",
        f"/t/{tenant}/../{endpoint}/mcp", f"/x/t/{tenant}/{endpoint}/mcp", f"/t/{tenant.upper()}/{endpoint}/mcp",
    ]  # fmt: skip
    answers = [await stage.client(worker, key=key, path=path).post(PING) for path in paths for key in (None, stage.key)]
    assert {refusal_of(answer) for answer in answers} == {(404, "not_found")}
    assert len({(answer.body, tuple(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("verb", "allow"),
    [("GET", "POST, DELETE"), ("DELETE", "POST"), ("PUT", "GET, POST, DELETE"), ("HEAD", "GET, POST, DELETE")],
)
async def test_another_verb_is_told_which_are_allowed(stage: Stage, worker: Worker, verb: str, allow: str) -> None:
    answer = await stage.client(worker).send(verb)
    assert refusal_of(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
async def test_a_stateless_client_has_post_alone(stage: Stage, worker: Worker, verb: str) -> None:
    client = stage.client(worker)
    await client.initialize()
    answer = await client.send(verb, headers={"mcp-protocol-version": "2026-07-28"})
    assert refusal_of(answer) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "accept",
    [None, "", "application/json", "text/event-stream", "text/html", "application/json, text/event-stream;q=0"],
)
async def test_a_client_accepts_both_kinds_of_answer(stage: Stage, worker: Worker, accept: str | None) -> None:
    answer = await stage.client(worker).modern("tools/list", accept=accept)
    assert refusal_of(answer) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "text/event-stream;q=0.5 , Application/JSON;q=0.9", "application/*, text/*", "text/html, */*;q=0.1"],
)
async def test_accepting_may_be_said_in_several_ways(stage: Stage, worker: Worker, accept: str) -> None:
    assert (await stage.client(worker).modern("tools/list", accept=accept)).status == 200


async def test_accept_may_come_in_two_lines(stage: Stage, worker: Worker) -> None:
    raw = [
        (b"host", b"localhost"), (b"authorization", f"Bearer {stage.key}".encode()), (b"accept", b"application/json"),
        (b"accept", b"text/event-stream"), (b"content-type", b"application/json"),
    ]  # fmt: skip
    assert (await whole(stage.client(worker).open_raw("POST", b"[", raw))).json["error"]["code"] == -32700


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": None},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/jsonp"},
        {"content-encoding": "gzip"},
    ],
)
async def test_a_body_of_another_type_is_refused(stage: Stage, worker: Worker, headers: dict[str, str | None]) -> None:
    answer = await stage.client(worker).send(body=b"{}", headers=headers)
    assert refusal_of(answer) == (415, "unsupported_media_type")


async def test_a_charset_may_be_named(stage: Stage, worker: Worker) -> None:
    answer = await stage.client(worker).modern("tools/list", content_type="application/json; charset=UTF-8")
    assert answer.status == 200


@pytest.mark.requirement("body-limits")
async def test_a_body_over_the_limit_is_refused_however_it_comes(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(body_bytes=1_000))) as worker:
        client = stage.client(worker)
        declared = await client.send(body=b"", headers={"content-length": "1001"})
        absurd = await client.send(body=b"", headers={"content-length": "9" * 5_000})
        at_once = await client.send(body=b" " * 1_001)
        in_parts = await client.send(body=[b" " * 600, b" " * 401])
        for answer in (declared, absurd, at_once, in_parts):
            assert refusal_of(answer) == (413, "body_too_large")
            assert answer.headers["connection"] == "close"
        exactly = await client.send(body=b'{"jsonrpc":' + b" " * 989, headers={"content-length": "1000"})
        assert exactly.json["error"]["code"] == -32700


@pytest.mark.requirement("body-limits")
async def test_a_body_that_does_not_come_is_not_waited_for(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(body_seconds=0.01))) as worker:
        answer = await stage.client(worker).send(body=[b'{"jsonrpc":'])
    assert refusal_of(answer) == (408, "body_too_slow")


async def test_a_body_may_come_in_parts(stage: Stage, worker: Worker) -> None:
    exchange = stage.client(worker).open(body=[b'{"jsonrpc":"2.0",', b'"id":1,'])
    exchange.incoming.put_nowait({"type": "http.request", "body": b'"method":"x"}', "more_body": False})
    assert (await whole(exchange)).json["error"]["code"] == -32601


async def test_a_client_that_leaves_amid_its_body_is_not_answered(stage: Stage, worker: Worker) -> None:
    exchange = stage.client(worker).open(body=[b'{"jsonrpc":'])
    await exchange.leave()
    assert exchange.outgoing.empty()


async def test_before_it_has_started_a_worker_takes_no_websocket() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await asyncio.wait_for(Worker()({"type": "websocket"}, receive, send), 5)
    assert sent == [{"type": "websocket.close"}]


async def test_before_it_has_started_a_worker_says_so(stage: Stage) -> None:
    answer = await stage.client(Worker()).post(PING, accept=BOTH)
    assert refusal_of(answer) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "2"
