"""The ladder of the revisions with a handshake: sessions, negotiation, batches, and what each refusal is."""

from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.headers import SESSION_ID, RequestHeaders
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import LIFETIME_SECONDS, digest
from tests.mcp_runtime.driving import request
from tests.mcp_runtime.protocol.stage import Desk, error_of, make_endpoint, parsed, tool

VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25"]
WITHOUT_BATCHES = ["2025-06-18", "2025-11-25"]
CLIENT = {"name": "test", "version": "1"}
SESSION_NOT_FOUND = (404, errors.INVALID_REQUEST)


def _met(version: str = "2025-11-25", **options: Any) -> Desk:
    desk = Desk(**options)
    desk.initialize(version)
    return desk


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        *((version, version) for version in VERSIONS),
        ("2026-07-28", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("1.0", "2025-11-25"),
        ("", "2025-11-25"),
    ],
)
def test_the_version_asked_for_is_agreed_on_or_the_newest_with_a_handshake(asked: str, given: str) -> None:
    reply = Desk().initialize(asked)
    result = parsed(reply)["result"]
    assert result["protocolVersion"] == given
    assert result["capabilities"]["tools"] == {"listChanged": True}
    assert set(result["capabilities"]) == {"completions", "logging", "prompts", "resources", "tools"}


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"protocolVersion": 1, "capabilities": {}, "clientInfo": CLIENT},
        {"protocolVersion": "2025-11-25", "clientInfo": CLIENT},
        {"protocolVersion": "2025-11-25", "capabilities": [], "clientInfo": CLIENT},
        {"protocolVersion": "2025-11-25", "capabilities": {}},
        {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test"}},
    ],
)
def test_a_malformed_initialize_is_refused_without_a_session(params: Any) -> None:
    reply = Desk().post(request("initialize", params))
    assert error_of(reply) == (200, errors.INVALID_PARAMS)
    assert reply.headers == ()


def test_a_session_id_is_visible_ascii_and_never_the_same() -> None:
    desk = Desk()
    tokens = {dict(desk.initialize("2025-11-25").headers)[SESSION_ID] for _ in range(3)}
    assert len(tokens) == 3
    assert all(0x21 <= byte <= 0x7E for token in tokens for byte in token)


def test_large_capabilities_make_no_large_session_id() -> None:
    capabilities = {"sampling": {"context": {"x": "y" * 5_000}}, "experimental": {"z": "y" * 5_000}}
    params = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": CLIENT}
    reply = Desk().post(request("initialize", params))
    assert len(dict(reply.headers)[SESSION_ID]) < 1_000


def test_a_request_without_a_session_is_refused_with_its_id() -> None:
    reply = Desk().legacy("tools/list")
    assert error_of(reply) == (400, errors.INVALID_REQUEST)
    assert parsed(reply)["id"] == 1


@pytest.mark.parametrize("session", ["x", "a.b", "a b", "é", "x" * 5_000, "eyJ9.eyJ9"])
def test_an_unknown_session_is_not_found(session: str) -> None:
    assert error_of(Desk(session=session).legacy("ping")) == SESSION_NOT_FOUND


def test_a_session_that_was_altered_is_not_found() -> None:
    desk = _met()
    assert desk.session is not None
    body, tag = desk.session.split(".")
    desk.session = f"{body[:-2]}AA.{tag}"
    assert error_of(desk.legacy("ping")) == SESSION_NOT_FOUND


def test_a_session_of_another_principal_endpoint_or_tenant_is_not_found() -> None:
    desk = _met()
    strangers = [
        Desk(principal=Principal("key:2")),
        Desk(endpoint=make_endpoint(endpoint_id="other")),
        Desk(endpoint=make_endpoint(tenant_id="other")),
    ]
    for stranger in strangers:
        stranger.session = desk.session
        assert error_of(stranger.legacy("ping")) == SESSION_NOT_FOUND
    assert desk.legacy("ping").status == 200


def test_a_session_ends_after_a_day_and_when_it_was_ended() -> None:
    desk = _met()
    desk.now += LIFETIME_SECONDS - 1
    assert desk.legacy("ping").status == 200
    desk.now += 1
    assert error_of(desk.legacy("ping")) == SESSION_NOT_FOUND
    desk = _met()
    assert desk.session is not None
    desk.ended.add(digest(desk.session.encode()))
    assert error_of(desk.legacy("ping")) == SESSION_NOT_FOUND


def test_two_session_ids_are_none() -> None:
    desk = _met()
    assert desk.session is not None
    pair = (SESSION_ID, desk.session.encode())
    assert SESSION_ID in RequestHeaders([pair, pair]).repeated
    reply = desk.receive(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', [pair, pair])
    assert error_of(reply) == (400, errors.INVALID_REQUEST)  # type: ignore[arg-type]  # refused before any work


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_header_may_be_left_out_or_say_what_was_negotiated(version: str) -> None:
    desk = _met(version)
    assert desk.legacy("ping").status == 200
    assert desk.legacy("ping", mcp_protocol_version=version).status == 200


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
def test_another_version_than_the_negotiated_one_is_refused(version: str) -> None:
    assert error_of(_met().legacy("ping", mcp_protocol_version=version)) == (400, errors.INVALID_REQUEST)


def test_a_version_header_nobody_knows_is_refused() -> None:
    assert _met().legacy("ping", mcp_protocol_version="bogus").status == 400


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "method", ["server/discover", "prompts/List", "tasks/list", "subscriptions/listen", "Ping", ""]
)
def test_an_unknown_method_is_an_answer_so_that_404_keeps_its_meaning(version: str, method: str) -> None:
    assert error_of(_met(version).legacy(method)) == (200, errors.METHOD_NOT_FOUND)


@pytest.mark.parametrize("version", VERSIONS)
def test_malformed_params_are_an_answer(version: str) -> None:
    desk = _met(version)
    assert error_of(desk.legacy("tools/list", [])) == (200, errors.INVALID_PARAMS)
    assert error_of(desk.legacy("tools/call", {"name": "no"})) == (200, errors.INVALID_PARAMS)
    assert error_of(desk.legacy("tools/list", {"cursor": "made up"})) == (200, errors.INVALID_PARAMS)


def test_a_malformed_envelope_is_a_bad_request() -> None:
    assert error_of(_met().post({"jsonrpc": "2.0", "id": 1.5, "method": "ping"})) == (400, errors.INVALID_REQUEST)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}},
        {"jsonrpc": "2.0", "id": 7, "result": {}},
        {"jsonrpc": "2.0", "id": 7, "error": {"code": -1, "message": "no"}},
    ],
)
def test_notifications_and_responses_are_taken(message: dict[str, Any]) -> None:
    reply = _met().post(message)
    assert (reply.status, reply.body) == (202, b"")


def test_a_notification_without_a_session_is_refused() -> None:
    assert Desk().post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 400


def test_a_batch_is_answered_in_one_array() -> None:
    desk = _met("2025-03-26", endpoint=make_endpoint(tool("echo")))
    reply = desk.post([
        request("ping", identifier="a"),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request("tools/call", {"name": "echo", "arguments": {"x": 1}}, identifier=2),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        request("initialize", {"protocolVersion": "2025-03-26"}, identifier=3),
        request("nothing", identifier=4),
        7,
    ])  # fmt: skip
    answers = parsed(reply)
    assert reply.status == 200
    assert [answer.get("id", "none") for answer in answers] == ["a", 2, 3, 4, "none"]
    assert answers[0]["result"] == {}
    assert answers[1]["result"]["content"] == [{"type": "text", "text": '{"x": 1}'}]
    codes = [answer["error"]["code"] for answer in answers[2:]]
    assert codes == [errors.INVALID_REQUEST, errors.METHOD_NOT_FOUND, errors.INVALID_REQUEST]


def test_a_batch_without_requests_is_taken() -> None:
    desk = _met("2025-03-26")
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    for batch in ([notification, notification], [{"jsonrpc": "2.0", "id": 1, "result": {}}]):
        reply = desk.post(batch)
        assert (reply.status, reply.body) == (202, b"")


@pytest.mark.parametrize("batch", [[], [request("ping")] * 101])
def test_a_batch_that_is_empty_or_too_long_is_refused(batch: list[Any]) -> None:
    reply = _met("2025-03-26").post(batch)
    assert error_of(reply) == (400, errors.INVALID_REQUEST)
    assert "id" not in parsed(reply)


@pytest.mark.parametrize("version", WITHOUT_BATCHES)
def test_a_batch_is_refused_where_there_are_none_any_more(version: str) -> None:
    assert error_of(_met(version).post([request("ping")])) == (400, errors.INVALID_REQUEST)


def test_a_batch_cannot_begin_a_session() -> None:
    params = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": CLIENT}
    reply = Desk().post([request("initialize", params)])
    assert error_of(reply) == (400, errors.INVALID_REQUEST)
    assert reply.headers == ()


def test_unreadable_json_is_refused_without_an_id() -> None:
    reply = _met().post(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')
    assert error_of(reply) == (400, errors.PARSE_ERROR)
    assert "id" not in parsed(reply)
