"""Arguments that clients repeat in headers: what may be published, and that headers and body agree."""

from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from tests.mcp_runtime.protocol.stage import Desk, done, error_of, make_endpoint, parsed, tool

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "deep": {"type": "object", "properties": {"dry": {"type": "boolean", "x-mcp-header": "Dry-Run"}}},
        "plain": {"type": "string"},
    },
}


def test_the_annotated_arguments_are_found() -> None:
    found = {argument.header: argument.path for argument in mirrored_arguments(SCHEMA)}
    assert found == {
        b"mcp-param-region": ("region",),
        b"mcp-param-limit": ("limit",),
        b"mcp-param-dry-run": ("deep", "dry"),
    }


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"properties": {"a": {"type": "string", "x-mcp-header": ""}}}, id="empty"),
        pytest.param({"properties": {"a": {"type": "string", "x-mcp-header": 7}}}, id="no string"),
        pytest.param({"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}}, id="space"),
        pytest.param({"properties": {"a": {"type": "string", "x-mcp-header": "a\r\nb"}}}, id="line break"),
        pytest.param({"properties": {"a": {"type": "string", "x-mcp-header": "é"}}}, id="beyond ASCII"),
        pytest.param({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}, id="number"),
        pytest.param({"properties": {"a": {"type": ["string", "null"], "x-mcp-header": "A"}}}, id="several types"),
        pytest.param({"properties": {"a": {"x-mcp-header": "A"}}}, id="no type"),
        pytest.param({"type": "string", "x-mcp-header": "A"}, id="at the root"),
        pytest.param(
            {
                "properties": {
                    "a": {"type": "string", "x-mcp-header": "Same"},
                    "b": {"type": "string", "x-mcp-header": "sAME"},
                }
            },
            id="twice in another case",
        ),
        pytest.param(
            {"properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}}, id="items"
        ),
        pytest.param({"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]}, id="anyOf"),
        pytest.param({"if": {"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}}, id="if"),
        pytest.param({"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}}, id="$defs"),
        pytest.param({"patternProperties": {"^a": {"type": "string", "x-mcp-header": "A"}}}, id="patternProperties"),
    ],
)
def test_an_annotation_for_which_clients_drop_the_tool_is_not_published(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnnotation):
        mirrored_arguments(schema)
    endpoint = make_endpoint(tool("bad", input_schema={"type": "object", **schema}), tool("good"))
    assert list(endpoint.tools) == ["good"]
    assert [missing.name for missing in endpoint.unavailable] == ["bad"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x-mcp-header": {"type": "string"}}},
        {"properties": {"a": {"const": {"x-mcp-header": ""}}}},
        {"properties": {"a": {"default": {"x-mcp-header": ""}}}},
        {"properties": {"a": {"enum": [{"x-mcp-header": ""}]}}},
    ],
)
def test_what_is_data_or_a_mere_name_is_no_annotation(schema: dict[str, Any]) -> None:
    assert mirrored_arguments(schema) == ()


def _call(arguments: dict[str, Any], headers: dict[str, str | None]) -> tuple[int, int | None]:
    desk = Desk(make_endpoint(tool("t", input_schema=SCHEMA)))
    reply = desk.modern("tools/call", {"name": "t", "arguments": arguments}, **headers)
    error = parsed(reply).get("error")
    return reply.status, error and error["code"]


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({}, {}),
        ({"plain": "x"}, {"mcp-param-other": "ignored"}),
        ({"region": "eu"}, {"mcp-param-region": "eu"}),
        ({"region": "eu"}, {"mcp-param-region": " eu\t"}),
        ({"region": "Zürich"}, {"mcp-param-region": "=?base64?WsO8cmljaA==?="}),
        ({"region": ""}, {"mcp-param-region": ""}),
        ({"region": "=?base64?x"}, {"mcp-param-region": "=?base64?x"}),
        ({"limit": 42}, {"mcp-param-limit": "42"}),
        ({"limit": 42}, {"mcp-param-limit": "42.0"}),
        ({"limit": 42.0}, {"mcp-param-limit": "42"}),
        ({"limit": -7}, {"mcp-param-limit": "-7"}),
        ({"deep": {"dry": True}}, {"mcp-param-dry-run": "true"}),
        ({"deep": {"dry": False}}, {"mcp-param-dry-run": "false"}),
        ({"deep": {}}, {}),
    ],
)
def test_headers_that_agree_are_taken(arguments: dict[str, Any], headers: dict[str, str | None]) -> None:
    assert _call(arguments, headers) == (200, None)


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        pytest.param({"region": "eu"}, {}, id="absent"),
        pytest.param({}, {"mcp-param-region": "eu"}, id="not in the body"),
        pytest.param({"region": None}, {"mcp-param-region": "null"}, id="null in the body"),
        pytest.param({"region": "eu"}, {"mcp-param-region": "us"}, id="another value"),
        pytest.param({"region": "eu"}, {"mcp-param-region": "EU"}, id="another case"),
        pytest.param({"region": "é"}, {"mcp-param-region": "é"}, id="beyond ASCII, in clear"),
        pytest.param({"region": "Hello"}, {"mcp-param-region": "=?base64?SGVsbG8?="}, id="bad padding"),
        pytest.param({"region": "Hello"}, {"mcp-param-region": "=?base64?SGV%bG8=?="}, id="bad alphabet"),
        pytest.param({"region": "ÿ"}, {"mcp-param-region": "=?base64?/w==?="}, id="no UTF-8"),
        pytest.param({"region": "Hello"}, {"mcp-param-region": "=?BASE64?SGVsbG8=?="}, id="marker in capitals"),
        pytest.param({"region": "Hello"}, {"mcp-param-region": "SGVsbG8=?="}, id="no prefix"),
        pytest.param({"limit": 42}, {"mcp-param-limit": "43"}, id="another number"),
        pytest.param({"limit": 42}, {"mcp-param-limit": "4_2"}, id="a number in Python's spelling"),
        pytest.param({"limit": 42}, {"mcp-param-limit": "+42"}, id="a plus sign"),
        pytest.param({"limit": 42}, {"mcp-param-limit": "0x2a"}, id="hexadecimal"),
        pytest.param({"limit": 42}, {"mcp-param-limit": "nan"}, id="not a number"),
        pytest.param({"limit": 2**53}, {"mcp-param-limit": str(2**53)}, id="beyond 2^53 - 1"),
        pytest.param({"limit": 42}, {"mcp-param-limit": ""}, id="no number at all"),
        pytest.param({"deep": {"dry": True}}, {"mcp-param-dry-run": "True"}, id="a boolean in Python's spelling"),
        pytest.param({"deep": {"dry": True}}, {"mcp-param-dry-run": "1"}, id="a number for a boolean"),
        pytest.param({"deep": [True]}, {"mcp-param-dry-run": "true"}, id="another shape"),
    ],
)
def test_headers_that_disagree_are_refused(arguments: dict[str, Any], headers: dict[str, str | None]) -> None:
    assert _call(arguments, headers) == (400, errors.HEADER_MISMATCH)


def test_a_parameter_header_sent_twice_is_refused() -> None:
    desk = Desk(make_endpoint(tool("t", input_schema=SCHEMA)))
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu"},"_meta":'
        b'{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
    )
    headers = [
        (b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", b"tools/call"), (b"mcp-name", b"t"),
        (b"mcp-param-region", b"eu"), (b"mcp-param-region", b"eu"),
    ]  # fmt: skip
    reply = done(desk.receive(body, headers))
    assert error_of(reply) == (400, errors.HEADER_MISMATCH)


def test_a_client_with_a_session_sends_no_such_headers() -> None:
    desk = Desk(make_endpoint(tool("t", input_schema=SCHEMA)))
    desk.initialize("2025-11-25")
    assert desk.legacy("tools/call", {"name": "t", "arguments": {"region": "eu"}}).status == 200
