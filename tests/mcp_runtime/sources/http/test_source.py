"""An HTTP tool against a real service: what it sends, what it makes of the answer, and how it fails."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from core import outbound
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft, ToolResult, Workshop
from mcp_runtime.sources.registry import SOURCES
from tests.core.outbound.upstreams import LOOPBACK, Answer, upstream
from tests.mcp_runtime.sources.calling import call_tool, compiled, context, snapshot_of, text_of
from tests.mcp_runtime.sources.http.drafts import http_draft

EMPTY = "answered 204 No Content, but the answer is not JSON, with an empty body."
SECRET = "Bearer 0123456789-secret"


async def service(request: web.Request) -> web.StreamResponse:
    """A service with a resource for each way to answer."""
    return await ANSWERS[request.path.split("/")[1]](request)


async def seen(request: web.Request) -> web.Response:
    """What arrived."""
    body = await request.text()
    return web.json_response(
        {"method": request.method, "url": request.raw_path, "headers": dict(request.headers), "body": body}
    )


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.01)


def fixed(**settings: Any) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(**settings)

    return answer


ANSWERS: dict[str, Answer] = {
    "seen": seen,
    "drip": drip,
    "json": fixed(text='{"data": {"items": [{"n": 1}, "two", null]}, "a/b": "slash"}', content_type="application/json"),
    "text": fixed(text="hello wörld"),
    "latin": fixed(body="wörld".encode("latin-1"), content_type="text/plain", charset="iso-8859-1"),
    "binary": fixed(body=b"\x89PNG\xff\xfe", content_type="image/png"),
    "codec": fixed(body=b"x", headers={"Content-Type": "text/plain; charset=zlib_codec"}),
    "bom": fixed(body=b'\xef\xbb\xbf{"data": 1}', content_type="application/json"),
    "empty": fixed(status=204),
    "teapot": fixed(status=418, text="short and stout " + "x" * 1000),
    "leak": fixed(status=401, text=f"Your header was {SECRET}, which has ended; 0123456789-secret is no good."),
    "bomb": fixed(body=gzip.compress(bytes(64 * 1024 * 1024), 1), headers={"Content-Encoding": "gzip"}),
    "deep": fixed(text="[" * 100_000, content_type="application/json"),
    "lone": fixed(text='{"data": "\\ud800"}', content_type="application/json"),
    "metadata": fixed(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"}),
    "moved": fixed(status=302, headers={"Location": "/text"}),
}


@pytest.fixture
async def base(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The service's address, which the operator allows."""
    async with upstream(service) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
        yield f"http://{LOOPBACK}:{port}"


async def call(url: str, arguments: dict[str, Any] | None = None, **settings: Any) -> ToolResult:
    return await call_tool("http", http_draft(url, **settings), arguments or {})


async def error_of(url: str, **settings: Any) -> str:
    result = await call(url, **settings)
    assert result.is_error
    return text_of(result)


async def test_a_request_arrives_as_it_was_configured(base: str) -> None:
    result = await call(
        f"{base}/seen/{{id}}",
        {"id": "a/b c", "q": "x&y", "tags": ["1", "2"], "language": "sv", "name": 'N"'},
        method="POST",
        query={"q": "{q}", "tag": "{tags}"},
        headers={"X-Language": "{language}", "X-Absent": "{count}"},
        body={"kind": "json", "template": {"name": "{name}"}},
        secrets={"authorization": SECRET},
        result={"structured": True},
    )
    arrived = result.structured
    assert (arrived["method"], arrived["url"]) == ("POST", "/seen/a%2Fb%20c?q=x%26y&tag=1&tag=2")
    assert json.loads(arrived["body"]) == {"name": 'N"'}
    assert arrived["headers"]["X-Language"] == "sv"
    assert arrived["headers"]["Content-Type"] == "application/json"
    assert "X-Absent" not in arrived["headers"]


async def test_a_secret_header_is_sent_and_taken_out_of_what_comes_back(base: str) -> None:
    result = await call(f"{base}/seen", secrets={"authorization": SECRET})
    assert "0123456789-secret" not in text_of(result)
    assert json.loads(text_of(result))["headers"]["Authorization"] == "[secret]"
    failed = await error_of(f"{base}/leak", secrets={"authorization": SECRET})
    assert failed == (
        f"{LOOPBACK} answered 401 Unauthorized: Your header was [secret], which has ended; [secret] is no good."
    )


async def test_a_secret_header_is_not_sent_to_another_origin_than_it_was_given_for(base: str) -> None:
    given = SOURCES["http"].check(http_draft("https://api.example.com/", secrets={"X-Key": SECRET}))
    async with outbound.Client() as client:
        moved = snapshot_of("http", http_draft(f"{base}/seen"))
        handler = SOURCES["http"].compile(moved, given.secrets, Workshop(http=client))
        result = await handler(context(), {})
    assert result.is_error
    assert text_of(result) == "The secret header X-Key was given for another address than this. Enter it again."


@pytest.mark.parametrize(
    ("path", "mapping", "text", "structured"),
    [
        ("text", {}, "hello wörld", None),
        ("latin", {}, "wörld", None),
        ("empty", {}, f"{LOOPBACK} answered 204 No Content, with an empty body.", None),
        ("moved", {}, "hello wörld", None),
        ("json", {"pointer": "/data/items/1"}, "two", None),
        ("json", {"pointer": "/a~1b"}, "slash", None),
        ("json", {"pointer": "/data/items"}, '[{"n":1},"two",null]', None),
        ("json", {"pointer": "/data/items/0", "structured": True}, '{"n":1}', {"n": 1}),
        ("json", {"pointer": "/data/items/2", "structured": True}, "null", None),
        ("bom", {"structured": True}, '{"data":1}', {"data": 1}),
        ("teapot", {"success": [418]}, "short and stout " + "x" * 1000, None),
    ],
)
async def test_the_answer_is_mapped(
    base: str, path: str, mapping: dict[str, Any], text: str, structured: object
) -> None:
    result = await call(f"{base}/{path}", result=mapping)
    assert not result.is_error
    assert text_of(result) == text
    assert result.structured == structured
    assert result.has_structured == bool(mapping.get("structured"))


@pytest.mark.parametrize(
    ("path", "settings", "sentence"),
    [
        ("teapot", {}, "answered 418 I'm a Teapot: short and stout " + "x" * 284 + "…"),
        ("text", {"result": {"success": [201]}}, "answered 200 OK: hello wörld"),
        ("text", {"result": {"structured": True}}, "answered 200 OK, but the answer is not JSON: hello wörld"),
        ("deep", {"result": {"structured": True}}, "answered 200 OK, but the answer is not JSON: " + "[" * 300 + "…"),
        (
            "empty",
            {"result": {"structured": True}},
            EMPTY,
        ),
        (
            "lone",
            {"result": {"pointer": "/data"}},
            'answered 200 OK, but the answer is not JSON: {"data": "\\ud800"}',
        ),
        ("bom", {"result": {"pointer": "/x/0"}}, 'answered 200 OK, but the answer has nothing at /x/0: {"data": 1}'),
        ("binary", {}, "answered 200 OK, but the answer is not text that can be read (image/png)."),
        ("codec", {}, "answered 200 OK, but the answer is not text that can be read (text/plain; charset=zlib_codec)."),
        ("drip", {"timeout": 0.2}, "did not answer within 0.2 s."),
    ],
)
async def test_a_failure_says_what_failed(base: str, path: str, settings: dict[str, Any], sentence: str) -> None:
    assert await error_of(f"{base}/{path}", **settings) == f"{LOOPBACK} {sentence}"


async def test_an_answer_over_the_size_limit_is_an_error(base: str) -> None:
    assert await error_of(f"{base}/bomb") == f"The answer of {LOOPBACK} is larger than 256 KiB."
    assert await error_of(f"{base}/text", size_limit=5) == f"The answer of {LOOPBACK} is larger than 5 bytes."


async def test_a_redirect_into_the_platform_s_network_is_an_error_without_the_address(base: str) -> None:
    assert await error_of(f"{base}/metadata") == "169.254.169.254 is not at a public address."


async def test_a_service_that_is_not_there_or_not_allowed_is_an_error(base: str) -> None:
    assert await error_of("http://name.invalid/") == "The name name.invalid does not resolve."
    assert await error_of("http://localhost/") == "localhost is not at a public address."


async def test_an_argument_that_cannot_be_sent_is_an_error_of_the_call(base: str) -> None:
    result = await call(f"{base}/seen/{{id}}", {"id": "../admin"})
    assert result.is_error
    assert text_of(result) == "id would lead to another path."


async def test_the_call_s_deadline_cuts_the_time_limit_short(base: str) -> None:
    late = await call_tool("http", http_draft(f"{base}/drip"), {}, seconds=0.2)
    assert (late.is_error, text_of(late)) == (True, f"{LOOPBACK} did not answer within 0.2 s.")
    over = await call_tool("http", http_draft(f"{base}/text"), {}, seconds=-1)
    assert (over.is_error, text_of(over)) == (True, "No time is left to call the service.")


async def test_calls_of_one_tool_share_a_connection(base: str) -> None:
    async with outbound.Client() as client:
        _draft, handler = compiled("http", http_draft(f"{base}/text"), client)
        for _time in range(3):
            assert text_of(await handler(context(), {})) == "hello wörld"
        assert len(client.pool.open) == 1


def test_a_stored_configuration_that_no_longer_reads_is_not_served() -> None:
    tool = snapshot_of("http", ToolDraft(name="x", config={"url": "gopher://x"}))
    with pytest.raises(InvalidConfig, match=r"config\.url"):
        SOURCES["http"].compile(tool, {}, Workshop(http=None))  # type: ignore[arg-type]  # never reached
