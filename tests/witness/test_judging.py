"""The judge itself: what it lets pass, and what it must not."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.witness import schemas
from tests.witness.asgi import Witness, version_of
from tests.witness.judging import complaints

SCHEMA = {"type": "object", "properties": {"a": {"title": "A"}}, "additionalProperties": False}
TOOL = {"name": "t", "inputSchema": SCHEMA}
LIST = {"tools": [TOOL]}
LIST_2026 = {**LIST, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
needs_schemas = pytest.mark.skipif(schemas.folder() is None, reason="the published schemas are not at hand")


def _clear() -> None:
    for cached in (schemas.folder, schemas.definitions, schemas.closed_definitions, schemas.validator):
        cached.cache_clear()


@pytest.fixture(params=[pytest.param("published", marks=needs_schemas), "official types"])
def judge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Judges by the published schemas, and by the official types as where those are missing."""
    if request.param != "published":
        monkeypatch.setenv("MCP_SCHEMA_DIR", "/nowhere")
    _clear()
    yield request.param
    monkeypatch.undo()
    _clear()


def _response(result: Any, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result, **members}


def _error(code: int, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}, **members}


def _notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _list_of(version: str) -> dict[str, Any]:
    return LIST_2026 if version == "2026-07-28" else LIST


@pytest.mark.requirement("well-formed-messages")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_right_passes(judge: str, version: str) -> None:
    right = [
        (_response(_list_of(version)), "tools/list"),
        (_error(-32602), "tools/list"),
        ({"jsonrpc": "2.0", "error": {"code": -32700, "message": "no"}}, None),
        (_notification("notifications/progress", progressToken=1, progress=0.5), None),
    ]
    assert [complaint for message, method in right for complaint in complaints(message, version, method)] == []


@pytest.mark.requirement("well-formed-messages")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_wrong_in_every_revision_is_told(judge: str, version: str) -> None:
    wrong = [
        (_response({**_list_of(version), "tools": [{"name": "t"}]}), "tools/list"),
        (_response({**_list_of(version), "tools": [{**TOOL, "description": None}]}), "tools/list"),
        (_response({**_list_of(version), "nextCursor": 7}), "tools/list"),
        (_response({}), "tasks/unknown"),
        (_error(-32602, id=None), None),
        (_error(-32602, id=True), None),
        (_error(-32602, result={}), None),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": "-1", "message": "no"}}, None),
        ({"jsonrpc": "1.0", "id": 1, "result": {}}, "ping"),
        (_error(-32050), None),
        (_notification("notifications/progress", progressToken=1), None),
        (_notification("notifications/made_up"), None),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, None),
        ({"jsonrpc": "2.0"}, None),
        ("text", None),
    ]
    assert [message for message, method in wrong if not complaints(message, version, method)] == []


@pytest.mark.parametrize(
    ("version", "message", "method"),
    [
        ("2026-07-28", _response(LIST), "tools/list"),
        ("2026-07-28", _response({"resultType": "complete"}), "ping"),
        ("2026-07-28", _error(-32002), None),
        ("2026-07-28", _error(-32042), None),
        ("2025-06-18", _error(-32042), None),
        ("2025-11-25", _error(-32020), None),
        ("2026-07-28", _error(-32022), None) if schemas.has("2026-07-28") else ("2025-11-25", _error(-32022), None),
        ("2025-11-25", _notification("notifications/subscriptions/acknowledged", notifications={}), None),
        ("2026-07-28", {"jsonrpc": "2.0", "id": 1, "method": "roots/list", "params": {}}, None),
        ("2025-03-26", {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}}, None),
        ("2025-06-18", [_response({})], None),
        ("2025-03-26", [], None),
        ("2026-07-28", _response({"resultType": "task", "taskId": "t"}), "tools/call"),
        ("2026-07-28", _response({"resultType": "complete", "skills": [{}]}), "skills/list"),
    ],
)
def test_what_is_wrong_in_a_revision_is_told(version: str, message: Any, method: str | None) -> None:
    assert complaints(message, version, method)


TITLED = {"tools": [{**TOOL, "title": "T"}]}
ICONS = [{"src": "data:image/png;base64,AA=="}]


@needs_schemas
@pytest.mark.parametrize(
    ("first", "result", "method"),
    [
        ("2025-03-26", {"tools": [{**TOOL, "annotations": {"title": "T"}}]}, "tools/list"),
        ("2025-03-26", {"content": [{"type": "audio", "data": "AA==", "mimeType": "audio/wav"}]}, "tools/call"),
        ("2025-06-18", TITLED, "tools/list"),
        ("2025-06-18", {"content": [], "structuredContent": {}}, "tools/call"),
        ("2025-06-18", {"contents": [{"uri": "a:b", "text": "", "_meta": {}}]}, "resources/read"),
        ("2025-06-18", {"content": [{"type": "text", "text": "", "_meta": {}}]}, "tools/call"),
        ("2025-11-25", {"tools": [{**TOOL, "icons": ICONS}]}, "tools/list"),
        ("2025-11-25", {"resources": [{"uri": "a:b", "name": "n", "icons": ICONS}]}, "resources/list"),
        ("2026-07-28", LIST_2026, "tools/list"),
    ],
)
def test_a_member_is_told_in_every_revision_before_it_came(first: str, result: dict[str, Any], method: str) -> None:
    flagged = [version for version in VERSIONS if complaints(_response(result), version, method)]
    later = {"2026-07-28"} if first != "2026-07-28" else set()  # where a result needs more than these have
    assert set(flagged) - later == {version for version in VERSIONS if version < first} - later


@needs_schemas
def test_without_strictness_a_later_member_passes_as_the_schema_lets_it() -> None:
    message = _response(TITLED)
    assert complaints(message, "2025-03-26", "tools/list")
    assert complaints(message, "2025-03-26", "tools/list", strict=False) == []


async def _answering(*bodies: bytes, media_type: bytes) -> list[str]:
    """What is reported of an application that answers tools/list with these bodies."""
    told: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", media_type)]})
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'}

    async def send(_event: Any) -> None:
        return

    await Witness(app, told.append)({"type": "http", "headers": []}, receive, send)
    return told


async def test_a_witness_reads_whole_answers_and_events_cut_anywhere() -> None:
    right, wrong = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}', b'{"jsonrpc":"2.0","id":1,"result":{"tools":7}}'
    for body, is_told in ((right, False), (wrong, True)):
        events = b": keep-alive\n\nid: 1\ndata:\n\nevent: message\ndata: %b\n\n" % body
        cut = [events[:start] for start in range(len(events))]
        answers = [
            await _answering(body, media_type=b"application/json; charset=utf-8"),
            await _answering(body[:9], body[9:], media_type=b"application/json"),
            *[await _answering(head, events[len(head) :], media_type=b"text/event-stream") for head in cut],
        ]
        assert {bool(told) for told in answers} == {is_told}


async def test_an_answer_to_what_nobody_asked_is_told() -> None:
    stray = b'{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}'
    assert await _answering(stray, media_type=b"application/json")
    assert await _answering(b"[]", media_type=b"application/json")


def test_a_session_that_is_none_has_no_revision() -> None:
    assert [version_of(session) for session in ("", "x", "eyJ9.x", "WzEsMl0.x", "é")] == [None] * 5
