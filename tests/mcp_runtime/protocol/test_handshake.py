"""The ladder of the revisions with a handshake: sessions, negotiation, batches, and what each refusal is."""

from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.headers import PROTOCOL_VERSION, SESSION_ID, RequestHeaders
from mcp_runtime.protocol.replies import Reply
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import LIFETIME_SECONDS, digest
from mcp_runtime.snapshots.structs import ResourceSnapshot
from tests.mcp_runtime.driving import request
from tests.mcp_runtime.protocol.stage import Desk, error_of, make_endpoint, parsed, tool

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
WITHOUT_BATCHES = ["2024-11-05", "2025-06-18", "2025-11-25"]
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
        ("1.0", "2025-11-25"),
        ("", "2025-11-25"),
    ],
)
def test_the_version_asked_for_is_agreed_on_or_the_newest_with_a_handshake(asked: str, given: str) -> None:
    reply = Desk().initialize(asked)
    result = parsed(reply)["result"]
    assert result["protocolVersion"] == given
    assert result["capabilities"]["tools"] == {"listChanged": True}
    completions = set() if given == "2024-11-05" else {"completions"}
    assert set(result["capabilities"]) == {"logging", "prompts", "resources", "tools"} | completions


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


SERVED_WITHOUT_SESSION = [
    ("ping", None),
    ("tools/list", None),
    ("tools/call", {"name": "echo", "arguments": {}}),
    ("prompts/list", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
]


@pytest.mark.requirement("session-less-requests")
@pytest.mark.parametrize("version", [None, *VERSIONS])
@pytest.mark.parametrize(("method", "params"), SERVED_WITHOUT_SESSION)
def test_what_needs_no_session_is_served_without_one(version: str | None, method: str, params: Any) -> None:
    reply = Desk().legacy(method, params, mcp_protocol_version=version)
    assert reply.status == 200
    assert "result" in parsed(reply)
    assert reply.headers == ()


def test_without_a_session_the_version_header_says_which_fields_there_are() -> None:
    noted = tool("noted", title="Noted", annotations={"readOnlyHint": True})
    fields = {
        version: set(parsed(Desk(make_endpoint(noted)).legacy("tools/list", mcp_protocol_version=version))["result"][
            "tools"
        ][0])
        for version in (None, *VERSIONS)
    }  # fmt: skip
    assert fields["2024-11-05"] == {"name", "inputSchema"}
    assert fields[None] == fields["2025-03-26"] == {"name", "inputSchema", "annotations"}
    assert fields["2025-06-18"] == fields["2025-11-25"] == {"name", "title", "inputSchema", "annotations"}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("logging/setLevel", {"level": "info"}),
        ("resources/subscribe", {"uri": "demo://x"}),
        ("resources/unsubscribe", {"uri": "demo://x"}),
    ],
)
def test_what_keeps_something_for_later_needs_a_session(method: str, params: Any) -> None:
    readable = ResourceSnapshot(id="r", uri="demo://x", name="X", source="static", config={"text": "x"})
    reply = Desk(make_endpoint(resources=[readable])).legacy(method, params)
    assert error_of(reply) == (400, errors.INVALID_REQUEST)
    assert parsed(reply)["id"] == 1
    assert "Mcp-Session-Id" in parsed(reply)["error"]["message"]


def test_an_answer_without_a_session_is_to_nothing_that_was_asked() -> None:
    assert error_of(Desk().post({"jsonrpc": "2.0", "id": 7, "result": {}})) == (400, errors.INVALID_REQUEST)


def test_an_empty_session_id_is_none_that_was_given() -> None:
    assert error_of(Desk(session="").legacy("tools/list")) == (400, errors.INVALID_REQUEST)


def test_two_version_headers_without_a_session_are_refused() -> None:
    pair = (PROTOCOL_VERSION, b"2025-06-18")
    reply = Desk().receive(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', [pair, pair])
    assert error_of(reply) == (400, errors.INVALID_REQUEST)  # type: ignore[arg-type]  # refused before any work


@pytest.mark.parametrize(
    ("version", "kept"),
    [
        ("2024-11-05", {"roots": {"listChanged": True}, "sampling": {}}),
        ("2025-03-26", {"roots": {"listChanged": True}, "sampling": {}}),
        ("2025-06-18", {"elicitation": {}, "roots": {"listChanged": True}, "sampling": {}}),
        ("2025-11-25", {"elicitation": {"url": {}}, "roots": {"listChanged": True}, "sampling": {"tools": {}}}),
    ],
)
def test_a_client_is_asked_nothing_that_its_revision_does_not_know(version: str, kept: dict[str, Any]) -> None:
    said = {"elicitation": {"url": {}}, "roots": {"listChanged": True}, "sampling": {"tools": {}}, "tasks": {}, "x": 1}
    params = {"protocolVersion": version, "capabilities": said, "clientInfo": CLIENT}
    desk = Desk()
    token = dict(desk.post(request("initialize", params)).headers)[SESSION_ID]
    assert desk.sessions.read(token, desk.endpoint, desk.principal, ()).capabilities == kept


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


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled"])
def test_a_notification_without_a_session_is_taken_and_tells_nobody(method: str) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    assert Desk().post(message) == Reply(202, b"")


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
    assert [answer["error"]["code"] for answer in parsed(reply)] == [errors.INVALID_REQUEST]
    assert reply.headers == ()


def test_a_batch_without_a_session_is_of_the_revision_that_has_them() -> None:
    batch = [request("ping", identifier=1), request("logging/setLevel", {"level": "info"}, identifier=2)]
    pong, refused = parsed(Desk().post(batch))
    assert (pong["id"], pong["result"]) == (1, {})
    assert (refused["id"], refused["error"]["code"]) == (2, errors.INVALID_REQUEST)
    for version in WITHOUT_BATCHES:
        reply = Desk().post(batch, {"mcp-protocol-version": version})
        assert error_of(reply) == (400, errors.INVALID_REQUEST)


def test_unreadable_json_is_refused_without_an_id() -> None:
    reply = _met().post(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')
    assert error_of(reply) == (400, errors.PARSE_ERROR)
    assert "id" not in parsed(reply)
