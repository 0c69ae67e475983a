"""The ladder of 2026-07-28: every rung, in its order, with the id echoed wherever it could be read."""

import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.served import Principal
from tests.mcp_runtime.driving import CAPABILITIES, VERSION, modern, request
from tests.mcp_runtime.protocol.stage import Desk, done, error_of, make_endpoint, parsed, tool

META = {VERSION: "2026-07-28", CAPABILITIES: {}}
HEADERS: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
UNKNOWN = {**META, VERSION: "v999.0.0"}


def _call(name: Any = "echo", meta: Any = META, method: str = "tools/call") -> dict[str, Any]:
    return request(method, {"name": name, "arguments": {}, "_meta": meta})


CALL_HEADERS: dict[str, str | None] = {**HEADERS, "mcp-method": "tools/call", "mcp-name": "echo"}

RUNGS = [
    pytest.param([_call()], CALL_HEADERS, 400, errors.INVALID_REQUEST, None, id="a array"),
    pytest.param([], CALL_HEADERS, 400, errors.INVALID_REQUEST, None, id="a empty array"),
    pytest.param({"jsonrpc": "2.0", "id": 1, "result": {}}, HEADERS, 400, errors.INVALID_REQUEST, 1, id="a response"),
    pytest.param({"id": 1, "method": "tools/list"}, HEADERS, 400, errors.INVALID_REQUEST, 1, id="a envelope"),
    pytest.param({**_call(), "id": None}, CALL_HEADERS, 400, errors.INVALID_REQUEST, None, id="a null id"),
    pytest.param(
        {"jsonrpc": "2.0", "method": "notifications/x"},
        {"mcp-protocol-version": "v999.0.0"},
        400, errors.UNSUPPORTED_PROTOCOL_VERSION, None, id="b notification of an unknown version",
    ),
    pytest.param(request("tools/list"), HEADERS, 400, errors.INVALID_PARAMS, 1, id="d no params"),
    pytest.param(request("tools/list", []), HEADERS, 400, errors.INVALID_PARAMS, 1, id="d params are no object"),
    pytest.param(request("tools/list", {}), HEADERS, 400, errors.INVALID_PARAMS, 1, id="d no _meta"),
    pytest.param(
        request("tools/list", {"_meta": {VERSION: "2026-07-28"}}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="d no capabilities",
    ),
    pytest.param(
        request("tools/list", {"_meta": {CAPABILITIES: {}}}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="d no version",
    ),
    pytest.param(
        request("tools/list", {"_meta": {**META, CAPABILITIES: []}}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="d capabilities are no object",
    ),
    pytest.param(
        request("tools/list", {"_meta": {**META, VERSION: 7}}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="d version is no string",
    ),
    pytest.param(
        request("tools/list", {"_meta": META}), {"mcp-method": "tools/list"}, 400, errors.HEADER_MISMATCH, 1,
        id="e no version header",
    ),
    pytest.param(
        request("tools/list", {"_meta": UNKNOWN}), HEADERS, 400, errors.HEADER_MISMATCH, 1,
        id="e header and body disagree, before the version is looked at",
    ),
    pytest.param(
        request("tools/list", {"_meta": META}), {**HEADERS, "mcp-protocol-version": "2025-11-25"},
        400, errors.HEADER_MISMATCH, 1, id="e a handshake header with a modern body",
    ),
    pytest.param(
        request("tools/list", {"_meta": META}), {**HEADERS, "mcp-method": None}, 400, errors.HEADER_MISMATCH, 1,
        id="f no method header",
    ),
    pytest.param(
        request("tools/list", {"_meta": META}), {**HEADERS, "mcp-method": "Tools/List"},
        400, errors.HEADER_MISMATCH, 1, id="f method in another case",
    ),
    pytest.param(_call(), {**CALL_HEADERS, "mcp-name": None}, 400, errors.HEADER_MISMATCH, 1, id="g no name header"),
    pytest.param(_call(), {**CALL_HEADERS, "mcp-name": "Echo"}, 400, errors.HEADER_MISMATCH, 1, id="g other name"),
    pytest.param(
        _call(), {**CALL_HEADERS, "mcp-name": "=?base64?ZWNobw?="}, 400, errors.HEADER_MISMATCH, 1,
        id="g base64 without padding",
    ),
    pytest.param(
        request("prompts/get", {"name": "p", "_meta": META}), {**HEADERS, "mcp-method": "prompts/get"},
        400, errors.HEADER_MISMATCH, 1, id="g before the method is looked up",
    ),
    pytest.param(
        request("tools/list", {"_meta": UNKNOWN}), {**HEADERS, "mcp-protocol-version": "v999.0.0"},
        400, errors.UNSUPPORTED_PROTOCOL_VERSION, 1, id="h unknown version",
    ),
    pytest.param(
        request("tools/list", {"_meta": {**META, VERSION: "2025-11-25"}}),
        {**HEADERS, "mcp-protocol-version": "2025-11-25"},
        400, errors.UNSUPPORTED_PROTOCOL_VERSION, 1, id="h a handshake version in modern framing",
    ),
    pytest.param(_call(name=7), {**CALL_HEADERS, "mcp-name": None}, 400, errors.INVALID_PARAMS, 1, id="j name"),
    pytest.param(_call("no"), {**CALL_HEADERS, "mcp-name": "no"}, 400, errors.INVALID_PARAMS, 1, id="j unknown tool"),
    pytest.param(
        request("tools/call", {"name": "echo", "arguments": [], "_meta": META}), CALL_HEADERS,
        400, errors.INVALID_PARAMS, 1, id="j arguments are no object",
    ),
    pytest.param(
        request("tools/list", {"cursor": "made up", "_meta": META}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="j cursor",
    ),
    pytest.param(
        request("tools/list", {"cursor": "", "_meta": META}), HEADERS, 400, errors.INVALID_PARAMS, 1,
        id="j empty cursor",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "headers", "status", "code", "identifier"), RUNGS)
def test_the_first_failure_answers(
    message: Any, headers: dict[str, str | None], status: int, code: int, identifier: int | None
) -> None:
    reply = Desk().post(message, headers)
    assert error_of(reply) == (status, code)
    assert parsed(reply).get("id", "none") == ("none" if identifier is None else identifier)


def test_an_unsupported_version_is_told_what_is_supported() -> None:
    message, headers = modern("tools/list", version="v999.0.0")
    assert parsed(Desk().post(message, headers))["error"]["data"] == {
        "supported": ["2026-07-28"],
        "requested": "v999.0.0",
    }


@pytest.mark.parametrize(
    "method",
    ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tools/List", "x"],
)
def test_a_method_that_is_not_of_this_revision_is_404(method: str) -> None:
    assert error_of(Desk().modern(method)) == (404, errors.METHOD_NOT_FOUND)


@pytest.mark.parametrize("header", [b"mcp-protocol-version", b"mcp-method", b"mcp-name"])
def test_an_mcp_header_sent_twice_is_refused_even_if_both_agree(header: bytes) -> None:
    message, headers = modern("tools/call", {"name": "echo"})
    raw = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    desk = Desk()
    twice = [*raw, *(pair for pair in raw if pair[0] == header)]
    assert error_of(done(desk.receive(json.dumps(message).encode(), twice))) == (400, errors.HEADER_MISMATCH)


@pytest.mark.parametrize("headers", [{}, {"mcp-protocol-version": "2026-07-28"}])
def test_a_notification_is_taken(headers: dict[str, str | None]) -> None:
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "_meta": META}}
    reply = Desk().post(message, headers)
    assert (reply.status, reply.body) == (202, b"")


def test_a_foreign_session_id_is_ignored_and_none_is_given() -> None:
    reply = Desk(session="whatever").modern("tools/list")
    assert reply.status == 200
    assert reply.headers == ()


def test_client_info_is_not_demanded_and_values_are_trimmed() -> None:
    assert Desk().modern("tools/call", {"name": "echo"}, mcp_name="  echo\t").status == 200


@pytest.mark.parametrize("identifier", [0, -1, 2**53, "", "a b", "é"])
def test_the_id_comes_back_as_it_was(identifier: object) -> None:
    message, headers = modern("tools/list", identifier=identifier)
    assert parsed(Desk().post(message, headers))["id"] == identifier


def test_a_tool_outside_a_keys_scope_is_as_unknown_as_one_that_is_not_there() -> None:
    endpoint = make_endpoint(tool("echo"), tool("secret"))
    desk = Desk(endpoint, Principal("key:2", tools=frozenset({"echo"})))
    hidden, absent = desk.modern("tools/call", {"name": "secret"}), desk.modern("tools/call", {"name": "absent"})
    assert error_of(hidden) == error_of(absent) == (400, errors.INVALID_PARAMS)
    assert parsed(hidden)["error"]["message"] == "Unknown tool: secret"
    assert [item["name"] for item in parsed(desk.modern("tools/list"))["result"]["tools"]] == ["echo"]


def test_a_name_that_ascii_cannot_carry_is_sent_encoded() -> None:
    reply = Desk().modern("tools/call", {"name": "é"}, mcp_name="=?base64?w6k=?=")
    assert parsed(reply)["error"]["message"] == "Unknown tool: é"
