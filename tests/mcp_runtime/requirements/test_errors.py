"""What cannot be answered, in every revision: HTTP status, code and id of each refusal."""

import json
from typing import Any

import pytest

from core.refusals import ALL
from mcp_runtime.protocol import errors
from tests.mcp_runtime.driving import Answer
from tests.mcp_runtime.requirements.speaking import (
    EVERY_REVISION,
    SESSION_REVISIONS,
    STATELESS_REVISIONS,
    Speaker,
    result_of,
    since,
    told,
)

requirement = pytest.mark.requirement
INVALID = errors.INVALID_PARAMS
MISSING = "notes://nowhere"
UNFIT: tuple[dict[str, Any], ...] = ({}, {"n": "one"}, {"n": None})
NOT_JSON = {
    "empty": b"",
    "cut": b"{",
    "unclosed": b'{"jsonrpc":"2.0","id":1,"method":"tools/list"',
    "a name twice": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}',
    "a name twice in two spellings": b'{"jsonrpc":"2.0","id":1,"method":"tools/list","meth\\u006fd":"tools/call"}',
    "an id beyond every float": b'{"jsonrpc":"2.0","id":1e400,"method":"tools/list"}',
    "not a number": b'{"jsonrpc":"2.0","id":NaN,"method":"tools/list"}',
    "no UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"tools/list\xff"}',
    "a lone surrogate": b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
    "10,000 levels": b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
}
MALFORMED: tuple[tuple[Any, Any], ...] = (
    ({"id": 1, "method": "tools/list"}, 1),
    ({"jsonrpc": "1.0", "id": 1, "method": "tools/list"}, 1),
    ({"jsonrpc": "2.0", "id": "a", "method": 7}, "a"),
    ({"jsonrpc": "2.0", "id": 1}, 1),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "result": {}}, 1),
    (7, "none"),
    ("text", "none"),
    (None, "none"),
)
PROMPT = {"type": "ref/prompt", "name": "ask"}
INCOMPLETABLE: tuple[dict[str, Any], ...] = (
    {},
    {"ref": {"type": "ref/prompt", "name": "no_such"}, "argument": {"name": "a", "value": ""}},
    {"ref": {"type": "ref/resource", "uri": "no://{such}"}, "argument": {"name": "a", "value": ""}},
    {"ref": {"type": "ref/other"}, "argument": {"name": "a", "value": ""}},
    {"ref": PROMPT, "argument": {"name": "who"}},
    {"ref": PROMPT, "argument": {"name": "who", "value": 7}},
    {"ref": PROMPT, "argument": "who"},
)
UNGETTABLE: tuple[dict[str, Any], ...] = (
    {"name": "no_such_prompt"},
    {"name": "greet"},
    {"name": "greet", "arguments": {"who": 7}},
    {"name": "greet", "arguments": []},
)
GONE = ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list",
        "tasks/result", "no/such", "tools/List")  # fmt: skip


async def _posted(speaker: Speaker, body: bytes) -> Answer:
    """A body as it is, with the headers of a well-framed tools/list."""
    _message, headers = speaker.framed("tools/list", {})
    return await speaker.client.send(body=body, headers=headers)


@requirement("unknown-tool")
@EVERY_REVISION
async def test_an_unknown_tool_is_an_error_and_no_result(speaker: Speaker) -> None:
    answer = await speaker.call("no_such_tool")
    assert told(answer) == speaker.refusal(INVALID)
    assert answer.json["error"]["message"] == "Unknown tool: no_such_tool"


@requirement("malformed-call")
@EVERY_REVISION
async def test_a_malformed_call_is_an_error(speaker: Speaker) -> None:
    for params in ({"name": "echo", "arguments": []}, {"name": "echo", "arguments": 1}, {}, {"name": 7}):
        header = "echo" if params.get("name") == "echo" else None
        assert told(await speaker.ask("tools/call", params, mcp_name=header)) == speaker.refusal(INVALID)


@requirement("arguments-are-validated")
@since("2025-11-25")
async def test_arguments_that_do_not_fit_are_a_result_that_says_so(speaker: Speaker) -> None:
    for arguments in UNFIT:
        result = result_of(await speaker.call("typed", arguments))
        assert result["isError"] is True
        assert result["content"][0]["text"].startswith("Invalid arguments: ")


@requirement("arguments-are-validated-by-error")
@since("", "2025-06-18")
async def test_arguments_that_do_not_fit_are_an_error_before_2025_11_25(speaker: Speaker) -> None:
    for arguments in UNFIT:
        assert told(await speaker.call("typed", arguments)) == speaker.refusal(INVALID)


@requirement("arguments-may-be-absent")
@EVERY_REVISION
async def test_arguments_may_be_left_out(speaker: Speaker) -> None:
    assert result_of(await speaker.ask("tools/call", {"name": "echo"}))["isError"] is False


@requirement("unknown-prompt", "prompt-arguments")
@EVERY_REVISION
async def test_a_prompt_that_cannot_be_got_is_an_error(speaker: Speaker) -> None:
    for params in UNGETTABLE:
        assert told(await speaker.ask("prompts/get", params)) == speaker.refusal(INVALID)


@requirement("resource-not-found-in-sessions")
@SESSION_REVISIONS
async def test_a_missing_resource_has_a_code_of_its_own_in_sessions(speaker: Speaker) -> None:
    answer = await speaker.ask("resources/read", {"uri": MISSING})
    assert told(answer) == speaker.refusal(errors.RESOURCE_NOT_FOUND)
    assert answer.json["error"]["data"] == {"uri": MISSING}


@requirement("resource-not-found")
@STATELESS_REVISIONS
async def test_a_missing_resource_is_invalid_params_from_2026_on(speaker: Speaker) -> None:
    answer = await speaker.ask("resources/read", {"uri": MISSING})
    assert told(answer) == speaker.refusal(INVALID)
    assert answer.json["error"]["data"] == {"uri": MISSING}


@requirement("unknown-method")
@SESSION_REVISIONS
async def test_an_unknown_method_is_an_answer_in_sessions_so_that_404_keeps_its_meaning(speaker: Speaker) -> None:
    for method in ("no/such", "tools/List", "server/discover", "subscriptions/listen", "skills/list", ""):
        assert told(await speaker.ask(method)) == (200, errors.METHOD_NOT_FOUND, 1)


@requirement("unknown-method-404", "removed-methods")
@STATELESS_REVISIONS
async def test_an_unknown_or_removed_method_is_404_from_2026_on(speaker: Speaker) -> None:
    answers = {method: told(await speaker.ask(method, {})) for method in GONE}
    assert answers == dict.fromkeys(GONE, (404, errors.METHOD_NOT_FOUND, 1))


@requirement("internal-error")
@EVERY_REVISION
async def test_a_fault_of_ours_tells_no_more_than_that(speaker: Speaker, caplog: pytest.LogCaptureFixture) -> None:
    answer = await speaker.call("crash")
    assert told(answer) == speaker.refusal(errors.INTERNAL_ERROR)
    assert b"detail" not in answer.body
    assert "a detail that stays here" in caplog.text


@requirement("parse-error", "error-without-id")
@EVERY_REVISION
async def test_what_is_not_plain_json_is_refused_without_an_id(speaker: Speaker) -> None:
    answers = {name: told(await _posted(speaker, body)) for name, body in NOT_JSON.items()}
    assert answers == dict.fromkeys(NOT_JSON, (400, errors.PARSE_ERROR, "none"))


@requirement("invalid-request", "error-without-id")
@EVERY_REVISION
async def test_a_malformed_envelope_is_refused_with_its_id_where_it_has_one(speaker: Speaker) -> None:
    for message, identifier in MALFORMED:
        answer = await _posted(speaker, json.dumps(message).encode())
        assert told(answer) == (400, errors.INVALID_REQUEST, identifier), message


@requirement("request-id")
@EVERY_REVISION
async def test_an_id_is_a_string_or_an_integer_and_never_null(speaker: Speaker) -> None:
    wrong: tuple[Any, ...] = (None, 1.5, 1.0, True, [], {}, 2**53 + 1)
    for identifier in wrong:
        answer = await speaker.ask("tools/list", {}, identifier)
        assert told(answer) == (400, errors.INVALID_REQUEST, "none"), identifier


@requirement("request-id")
@EVERY_REVISION
async def test_an_id_comes_back_as_it_was_with_a_result_and_with_an_error(speaker: Speaker) -> None:
    for identifier in (0, -1, 2**53, "", "0", "a b", "é", "x" * 1_000):
        for params in ({"name": "echo"}, {"name": "no_such_tool"}):
            returned = (await speaker.ask("tools/call", params, identifier)).json["id"]
            assert (type(returned), returned) == (type(identifier), identifier)


@requirement("completion-reference")
@EVERY_REVISION
async def test_completion_of_nothing_we_know_is_an_error(speaker: Speaker) -> None:
    for params in INCOMPLETABLE:
        assert told(await speaker.ask("completion/complete", params)) == speaker.refusal(INVALID), params


@requirement("log-level-in-sessions")
@SESSION_REVISIONS
async def test_a_log_level_that_is_none_is_an_error(speaker: Speaker) -> None:
    for level in ("loud", "", None, 7):
        assert told(await speaker.ask("logging/setLevel", {"level": level})) == speaker.refusal(INVALID)


@requirement("platform-refusals")
def test_what_the_platform_refuses_has_a_code_of_its_own_or_one_of_json_rpcs() -> None:
    reserved = range(-32768, -31999)
    own = {errors.PARSE_ERROR, errors.INVALID_REQUEST, errors.METHOD_NOT_FOUND, INVALID, errors.INTERNAL_ERROR}
    codes = {refusal.name: refusal.number if refusal.rpc_code is None else refusal.rpc_code for refusal in ALL}
    assert {name: code for name, code in codes.items() if code in reserved and code not in own} == {}
