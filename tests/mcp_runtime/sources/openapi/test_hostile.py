"""Documents that lie, loop, swell or lead elsewhere: each is refused with the reason, and nothing else happens."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_runtime import schemas
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft
from mcp_runtime.sources.openapi import drafting
from mcp_runtime.sources.openapi.document import Document, Unusable, document_of
from mcp_runtime.sources.openapi.drafting import Drafter, Found, found_in
from mcp_runtime.sources.openapi.operation import read_operation
from mcp_runtime.sources.openapi.reading import UnreadableDocument, read_document
from mcp_runtime.sources.openapi.requests import RequestPlan
from mcp_runtime.sources.upstream import RefusedOperation
from tests.mcp_runtime.sources.openapi.documents import SWAGGER, WHOLE
from tests.mcp_runtime.sources.openapi.serving import ADDRESS, document_with, parameter, refused_in, tools_of

WRONG = st.one_of(
    st.sampled_from(
        (None, True, 0, -1, 1.5, "", "x", "..", "{", "}", "{id}", "\r\n", [], {}, [[]], [{}], [None], {"": None})
    ),
    st.sampled_from(("#", "#/paths", "#/components/schemas/N", "https://x.example/y", 1)).map(lambda to: {"$ref": to}),
    st.sampled_from((2**70, "null", "object", ["string", "null"], "cookie", "path", "application/json", "\ud800")),
    st.text(max_size=5),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value below a document's root."""
    members: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in members:
        yield (*path, key)
        yield from places(child, (*path, key))


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The document with another value at one place."""
    document = copy.deepcopy(document)
    node: Any = document
    for step in path[:-1]:
        node = node[step] if isinstance(node, dict | list) else None
        if not isinstance(node, dict | list):
            return document
    if isinstance(node, dict) or (isinstance(path[-1], int) and path[-1] < len(node)):
        node[path[-1]] = value
    return document


def looked_through(document: Document) -> list[ToolDraft | RefusedOperation]:
    """Everything that comes of a document; each tool's schemas compile, and its operation can be served."""
    drafter = Drafter(document, ADDRESS)
    made = [found if isinstance(found, RefusedOperation) else drafter.draft(found) for found in found_in(document)]
    for tool in made:
        if isinstance(tool, ToolDraft):
            schemas.require_object_schema(tool.input_schema)
            planned(json.loads(json.dumps(tool.config)))
    return made


@given(st.data())
def test_whatever_stands_in_a_document_it_is_made_a_tool_or_refused(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([WHOLE, SWAGGER]))
    for _change in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(document))))
        document = changed(document, path, data.draw(WRONG))
    try:
        read = document_of(read_document(json.dumps(document).encode()))
        looked_through(read)
    except (UnreadableDocument, Unusable):
        return


def test_the_document_that_is_changed_is_a_good_one() -> None:
    for document in (WHOLE, SWAGGER):
        assert all(isinstance(tool, ToolDraft) for tool in looked_through(document_of(document)))


PRIVATE = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:8080/",
    "http://10.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://0.0.0.0/",
    "http://2852039166/",
    "http://0xa9.0376.43518/",
    "http://127.1/",
    "http://192.168.1.5./",
    "http://user:password@api.example.com/",
    "http://api.example.com@169.254.169.254/",
    "http://api.example.com:22/",
    "file:///etc/passwd",
    "gopher://api.example.com/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "https://api.example.com/a/../../admin",
    "https://api.example.com/%2e%2e/admin",
    "https://api.example.com/?x=1",
    "https://api.example.com/a\\b",
    "https://api.example.com/\r\nX: y",
    "https://",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_a_server_that_must_not_be_called_is_refused_with_the_reason(url: str) -> None:
    document = document_with({"servers": [{"url": url}]})
    reasons = await refused_in(document)
    assert reasons["call"].startswith("The server ")
    assert "Set config.server" in reasons["call"]


@pytest.mark.parametrize("url", PRIVATE)
async def test_a_server_that_must_not_be_called_is_refused_in_swagger_2(url: str) -> None:
    scheme, _colon, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if scheme not in ("http", "https") or not host or any(sign in url for sign in "?\r\\"):
        return
    document = SWAGGER | {"host": host, "basePath": slash + path, "schemes": [scheme]}
    assert all("cannot be called" in made.reason or "dot segments" in made.reason
               for made in looked_through(document_of(document)) if isinstance(made, RefusedOperation))  # fmt: skip
    assert not [made for made in looked_through(document_of(document)) if isinstance(made, ToolDraft)]


@pytest.mark.parametrize(
    "reference",
    ["file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "https://example.com/x.json#/A", "other.yaml"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["parameter", "schema", "deep", "body", "security"])
async def test_a_reference_out_of_the_document_is_refused_by_name(reference: str, place: str) -> None:
    elsewhere = {"$ref": reference}
    operations: dict[str, dict[str, Any]] = {
        "parameter": {"parameters": [elsewhere]},
        "schema": {"parameters": [parameter("x", "query", elsewhere)]},
        "deep": {"parameters": [parameter("x", "query", {"$ref": "#/components/schemas/A"})]},
        "body": {"requestBody": elsewhere},
        "security": {"security": [{"away": []}]},
    }
    components = {"schemas": {"A": {"items": elsewhere}}, "securitySchemes": {"away": elsewhere}}
    reasons = await refused_in(document_with(operations[place], method="post", components=components))
    assert reasons == {"call": f"It refers to {reference}, outside the document. Nothing is fetched: bundle it first."}


async def test_a_path_that_leads_elsewhere_is_refused_by_name() -> None:
    document = document_with({"operationId": None}, path="/a/../admin")
    document["paths"] |= {
        path: {"get": {}} for path in ("/%2e%2e/x", "no-slash", "/a\\b", "/a{b", "/%zz", "/" + "x" * 3_000)
    }
    reasons = await refused_in(document)
    assert len(reasons) == 7
    assert all("path" in reason for reason in reasons.values())


async def test_a_path_that_refers_elsewhere_is_refused_by_its_own_name() -> None:
    document = document_with({})
    document["paths"]["/other"] = {"$ref": "https://example.com/paths.json#/other"}
    document["paths"]["/none"] = None
    document["paths"]["/own"] = {"additionalOperations": {"COPY": {}}}
    document["paths"]["x-note"] = "nothing"
    made = looked_through(document_of(document))
    assert [entry.name for entry in made] == ["call", "/other", "/none", "COPY /own"]
    assert [isinstance(entry, RefusedOperation) for entry in made] == [False, True, True, True]


@pytest.mark.parametrize(
    ("operation", "method", "reason"),
    [
        ({}, "trace", "TRACE repeats a request with its credentials"),
        ({"security": [{"nowhere": []}]}, "get", "credentials named nowhere, which the document does not describe"),
        ({"security": [{"digest": []}]}, "get", "of a kind that cannot be sent: digest (http digest)"),
        ({"security": [{"header": []}]}, "get", "The key header goes where none can: Host"),
        ({"security": [{"split": []}]}, "get", "The key split goes where none can: A??Host: x"),
        ({"parameters": [parameter("a\r\nHost: x", "header")]}, "get", "Its header a??Host: x has a name that cannot"),
        ({"parameters": [parameter("q", "querystring", required=True)]}, "get", "requests do not have: querystring"),
        ({"parameters": [parameter("", "query")]}, "get", "a parameter in query without a name"),
        ({"parameters": [parameter(str(n), "query") for n in range(300)]}, "get", "more than 200 parameters"),
        ({"requestBody": {"content": {"text/plain\r\nX: y": {}}}}, "post", "media type cannot be sent"),
        ({"parameters": [{"$ref": "#/loop"}]}, "get", "lead in a circle"),
        ({"parameters": [parameter("x", "query", {"$ref": "#/nowhere"})]}, "get", "which the document does not have"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_name(operation: dict[str, Any], method: str, reason: str) -> None:
    named = {
        "digest": {"type": "http", "scheme": "digest"},
        "header": {"type": "apiKey", "in": "header", "name": "Host"},
        "split": {"type": "apiKey", "in": "cookie", "name": "A\r\nHost: x"},
    }
    document = document_with(operation, method=method, components={"securitySchemes": named}, loop={"$ref": "#/loop"})
    assert reason in (await refused_in(document))["call"]


@pytest.mark.parametrize(
    "schemas_of_it",
    [
        {"A": {"$ref": "#/components/schemas/A"}},
        {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}},
        {"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}},
        {"A": {"properties": {"a": {"$ref": "#/components/schemas/A"}}, "items": {"$ref": "#/components/schemas/A"}}},
    ],
)
async def test_schemas_that_refer_to_themselves_are_held_to(schemas_of_it: dict[str, Any]) -> None:
    operation = {
        "parameters": [parameter("x", "query", {"$ref": "#/components/schemas/A"})],
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}},
    }
    tool = (await tools_of(document_with(operation, components={"schemas": schemas_of_it})))["call"]
    assert schemas.compile_schema(tool.input_schema).is_valid({"x": {"a": {"a": {}}}})


async def test_schemas_beyond_reason_are_refused_or_left_open() -> None:
    deep: dict[str, Any] = {}
    for _level in range(30):
        deep = {"properties": {"a": deep}}
    wide: dict[str, Any] = {"properties": {f"p{n}": {} for n in range(2_000)}}
    for schema, reason in ((deep, "nested too deeply"), (wide, "more than 1,000 properties")):
        reasons = await refused_in(document_with({"parameters": [parameter("x", "query", schema)]}))
        assert reason in reasons["call"]
    regex = {"type": "string", "pattern": "(a+)+$(?<!x{1,999}){5}", "enum": ["x" * 100] * 600}
    tool = (await tools_of(document_with({"parameters": [parameter("x", "query", regex)]})))["call"]
    assert tool.input_schema["properties"]["x"].keys() <= {"type", "pattern"}


def planned(config: dict[str, Any]) -> RequestPlan:
    """How the requests of a stored operation are written."""
    operation = read_operation(config)
    return RequestPlan(operation, operation.server)


def test_operations_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "MAXIMUM_OPERATIONS", 3)
    document = document_with({}) | {"paths": {f"/{n}": {"get": {}} for n in range(4)}}
    with pytest.raises(Unusable, match="more than 3 operations"):
        list(found_in(document_of(document)))


@pytest.mark.parametrize(
    "change",
    [
        {"server": "http://169.254.169.254"},
        {"path": "/a/../b"},
        {"path": "/{unknown}"},
        {"parameters": [{"argument": "x", "name": "Host", "place": "header", "style": "simple"}]},
        {"parameters": [{"argument": "x", "name": "a\r\nb", "place": "header", "style": "simple"}]},
        {"parameters": [{"argument": "x", "name": "x", "place": "elsewhere", "style": "simple"}]},
        {"method": "TRACE"},
        {"further": 1},
    ],
)
def test_a_stored_operation_is_not_trusted(change: dict[str, Any]) -> None:
    (found,) = found_in(document_of(document_with({})))
    assert isinstance(found, Found)
    tool = Drafter(document_of(document_with({})), ADDRESS).draft(found)
    assert isinstance(tool, ToolDraft)
    with pytest.raises(InvalidConfig):
        planned(tool.config | change)
