"""Services that lie or hang, schemas that are bombs, and addresses that are not to be reached."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Health, OpenUpstream, UpstreamDraft, UpstreamFailed
from tests.core.outbound.upstreams import LOOPBACK, Answer, upstream
from tests.mcp_runtime.sources.calling import context, text_of
from tests.mcp_runtime.sources.upstreams import discover, opened

OPERATION = {"name": "op", "document": "{ count }"}


def config(url: str, **settings: Any) -> dict[str, Any]:
    return {"url": url, "operations": [OPERATION]} | settings


@asynccontextmanager
async def answered(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenUpstream]:
    """An upstream whose service answers everything with `answer`."""
    async with upstream(answer) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
        async with opened("graphql", config(f"http://{LOOPBACK}:{port}/")) as service:
            yield service


def fixed(value: Any, **settings: Any) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return web.Response(body=body, content_type="application/json", **settings)

    return answer


def schema(types: Any, **members: Any) -> dict[str, Any]:
    return {"data": {"__schema": {"queryType": {"name": "Query"}, "types": types, "directives": []} | members}}


def plain(name: str, kind: Any) -> dict[str, Any]:
    entry = {"name": "count", "args": [], "type": kind, "isDeprecated": False}
    return {"kind": "OBJECT", "name": name, "fields": [entry], "interfaces": []}


def nested(depth: int) -> Any:
    kind: dict[str, Any] = {"kind": "SCALAR", "name": "Int"}
    for _level in range(depth):
        kind = {"kind": "LIST", "ofType": kind}
    return kind


INT = {"kind": "SCALAR", "name": "Int"}
LIES: list[Any] = [
    b"",
    b"<html>",
    b"[" * 100_000,
    [],
    {"data": None},
    {"data": {}},
    {"data": {"__schema": None}},
    {"data": {"__schema": {"types": {}}}},
    schema([None]),
    schema([]),
    schema([plain("Query", INT)] * 10_001),
    schema([plain("Query", INT) | {"fields": [{"name": "a", "args": [0] * 100_001}]}]),
    schema([plain("Query", {"kind": "OBJECT", "name": "Absent"})]),
    schema([plain("Query", INT) | {"name": "\u202eyreuQ"}]),
    schema([plain("Query", {"kind": "OBJECT"})]),
    schema([{"kind": "WEIRD", "name": "Query"}]),
    schema([{"kind": "OBJECT", "name": "Query", "fields": "all", "interfaces": []}]),
    schema([{"kind": "UNION", "name": "Query", "possibleTypes": [{"kind": "UNION", "name": "Query"}]}]),
    {"errors": []},
    {"errors": [1, {"message": 5}]},
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
async def test_what_is_no_schema_is_told_and_nothing_is_imported(lie: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answered(fixed(lie), monkeypatch) as service:
        with pytest.raises(UpstreamFailed):
            await discover(service)


async def test_lists_within_lists_are_answered_without_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answered(fixed(schema([plain("Query", nested(200)), INT])), monkeypatch) as service:
        (tool,) = (await discover(service)).tools
    assert tool.output_schema is None


async def test_a_schema_that_leads_into_itself_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [
        {"name": f"f{number}", "args": [], "type": {"kind": "OBJECT", "name": "Query"}, "isDeprecated": False}
        for number in range(2_000)
    ]
    count = {"name": "count", "args": [], "type": INT, "isDeprecated": False}
    query = {"kind": "OBJECT", "name": "Query", "fields": [*fields, count], "interfaces": []}
    async with answered(fixed(schema([query, INT])), monkeypatch) as service:
        (tool,) = (await discover(service)).tools
    assert tool.name == "op"


@pytest.mark.parametrize("size", [9 * 1024 * 1024, 200 * 1024 * 1024])
async def test_an_endless_answer_is_cut_off(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b'{"data":"' + bytes(size), 1)
    async with answered(fixed(bomb, headers={"Content-Encoding": "gzip"}), monkeypatch) as service:
        with pytest.raises(UpstreamFailed, match="larger than"):
            await discover(service)


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        (fixed({"data": 5}), Health.DOWN),
        (fixed(b"nothing", status=500), Health.DOWN),
        (fixed(b"nothing", status=403), Health.DENIED),
        (fixed({"errors": [{"message": "x", "extensions": {"code": "FORBIDDEN"}}]}), Health.DENIED),
        (fixed({"errors": [{"message": "x", "extensions": {"code": "UNAUTHENTICATED"}}]}), Health.NEEDS_LOGIN),
        (fixed(b"slow down", status=429), Health.DEGRADED),
        (fixed(b"", status=302, headers={"Location": "http://169.254.169.254/"}), Health.DOWN),
    ],
)
async def test_a_probe_tells_how_the_service_is(
    answer: Answer, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answered(answer, monkeypatch) as service:
        with pytest.raises(UpstreamFailed) as failed:
            await service.probe()
    assert failed.value.health is health
    assert "169.254" not in str(failed.value)


async def test_errors_without_end_are_told_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"data": None, "errors": [{"message": "x" * 1_000, "path": [1] * 50}] * 100}
    async with answered(fixed(many), monkeypatch) as service:
        result = await service.tool(OPERATION)(context(), {})
    assert result.is_error
    assert text_of(result).endswith("… and 95 more.")
    assert len(text_of(result)) < 3_000


async def test_a_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answered(hang, monkeypatch) as service:
        with pytest.raises(UpstreamFailed, match="did not answer within"):
            await service.tool(OPERATION | {"timeout": 0.2})(context(), {})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/graphql",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://2130706433:8000/",
        "http://0x7f.1:8000/",
        "http://[::ffff:169.254.169.254]/",
        "http://user:password@example.com/",
        "file:///etc/passwd",
        "unix:///run/x.sock",
        "https://example.com:5432/",
        "/graphql",
    ],
)
def test_an_address_that_is_not_to_be_reached_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["graphql"].check(UpstreamDraft(config(url)))
    assert list(refused.value.fields) == ["config.url"]


@pytest.mark.parametrize("url", ["http://localhost:8000/", "http://localhost.:8000/"])
async def test_a_private_address_behind_a_name_is_refused_when_it_is_dialled(url: str) -> None:
    async with opened("graphql", config(url)) as service:
        with pytest.raises(UpstreamFailed, match=r"not at a public address|does not resolve"):
            await service.probe()


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (UpstreamDraft(config("https://example.com/", headers={"Authorization": "x"})), "config.headers.Authorization"),
        (UpstreamDraft(config("https://example.com/", headers={"X-A": "a\r\nb: c"})), "config.headers.X-A"),
        (UpstreamDraft(config("https://example.com/", headers={"Host": "b"})), "config.headers.Host"),
        (UpstreamDraft(config("https://example.com/"), {"Host": "x"}), "secrets.Host"),
        (UpstreamDraft(config("https://example.com/"), {"X-Key": "a\nb"}), "secrets.X-Key"),
        (UpstreamDraft(config("https://example.com/"), material=b"type Query { a: Absent }"), "material"),
        (UpstreamDraft(config("https://example.com/"), material=b"\xff\xfe"), "material"),
        (UpstreamDraft(config("https://example.com/"), material=b"{]"), "material"),
        (UpstreamDraft(config("https://example.com/"), material=b"type Query { a: " + b"[" * 50_000), "material"),
        (UpstreamDraft(config("https://example.com/", operations=[OPERATION, OPERATION])), "config.operations[1].name"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(draft: UpstreamDraft, field: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["graphql"].check(draft)
    assert list(refused.value.fields) == [field]


def test_secrets_go_to_the_origin() -> None:
    source = UPSTREAM_SOURCES["graphql"]
    assert source.destination(config("https://api.example.com/graphql?x=1")) == "https://api.example.com"
