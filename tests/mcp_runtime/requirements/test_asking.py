"""Asking the client from 2026-07-28 on: `input_required`, the retry that brings answers, and the state it carries."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core import crypto
from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.requirements.conftest import Meet
from tests.mcp_runtime.requirements.sandbox import Room
from tests.mcp_runtime.requirements.speaking import EVERYTHING, STATELESS_REVISIONS, Speaker, result_of, told

requirement = pytest.mark.requirement
pytestmark = STATELESS_REVISIONS
INVALID = (400, errors.INVALID_PARAMS, 1)
ACCEPTED = {"action": "accept", "content": {"name": "Alice"}}
FORMS: dict[str, Any] = {"elicitation": {}}


@pytest.fixture
async def able(meet: Meet) -> Speaker:
    """A client that can be asked everything."""
    return await meet(capabilities=EVERYTHING)


async def _asked(speaker: Speaker, name: str = "ask_form", arguments: Any = None) -> dict[str, Any]:
    """The result that asks for more."""
    result = result_of(await speaker.call(name, arguments))
    assert result["resultType"] == "input_required"
    return result


def _retry(asked: dict[str, Any], **answers: Any) -> dict[str, Any]:
    return {"requestState": asked["requestState"], "inputResponses": answers}


def _text(result: dict[str, Any]) -> Any:
    assert result["resultType"] == "complete"
    return json.loads(result["content"][0]["text"])


@requirement("input-required", "elicitation")
async def test_a_question_ends_the_call_and_the_answer_completes_its_retry(able: Speaker) -> None:
    asked = await _asked(able)
    assert set(asked) == {"resultType", "inputRequests", "requestState", "_meta"}
    question = asked["inputRequests"]["name"]
    assert (question["method"], question["params"]["mode"]) == ("elicitation/create", "form")
    done = result_of(await able.call("ask_form", **_retry(asked, name=ACCEPTED)))
    assert _text(done) == {"name": ACCEPTED}


@requirement("input-required-elsewhere")
async def test_prompts_and_resources_may_ask_too_and_lists_never(able: Speaker) -> None:
    for method, params, member in (
        ("prompts/get", {"name": "ask"}, "messages"),
        ("resources/read", {"uri": "notes://asking"}, "contents"),
    ):
        asked = result_of(await able.ask(method, params))
        assert asked["resultType"] == "input_required"
        assert {"ttlMs", "cacheScope"}.isdisjoint(asked)
        done = result_of(await able.ask(method, {**params, **_retry(asked, name=ACCEPTED)}))
        assert done["resultType"] == "complete"
        assert done[member]
    for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "server/discover"):
        assert (
            result_of(await able.ask(method, {"inputResponses": {}, "requestState": "x"}))["resultType"] == "complete"
        )


@requirement("caching-after-asking")
async def test_what_was_read_with_answers_is_not_to_be_cached(able: Speaker) -> None:
    params = {"uri": "notes://asking"}
    asked = result_of(await able.ask("resources/read", params))
    done = result_of(await able.ask("resources/read", {**params, **_retry(asked, name=ACCEPTED)}))
    assert (done["ttlMs"], done["cacheScope"]) == (0, "private")


@requirement("input-responses")
async def test_missing_and_wrong_answers_are_asked_for_again_and_others_ignored(able: Speaker) -> None:
    asked = await _asked(able)
    for answers in (
        {},
        {"other": ACCEPTED},
        {"name": 12345},
        {"name": None},
        {"name": {"action": "perhaps"}},
        {"name": {"action": "accept"}},
        {"name": {"action": "accept", "content": {"name": 7}}},
    ):
        again = result_of(await able.call("ask_form", **_retry(asked, **answers)))
        assert again["resultType"] == "input_required"
        assert list(again["inputRequests"]) == ["name"]
    for action in ("decline", "cancel"):
        done = result_of(await able.call("ask_form", **_retry(asked, name={"action": action})))
        assert _text(done) == {"name": {"action": action}}
    done = result_of(await able.call("ask_form", **_retry(asked, name=ACCEPTED, other=7)))
    assert _text(done) == {"name": ACCEPTED}


@requirement("input-responses")
async def test_answers_that_are_no_object_are_an_error(able: Speaker) -> None:
    state = (await _asked(able))["requestState"]
    wrong: tuple[Any, ...] = (None, [], 7, "x")
    for answers in wrong:
        assert told(await able.call("ask_form", requestState=state, inputResponses=answers)) == INVALID


@requirement("request-state")
async def test_a_state_that_was_altered_is_refused(able: Speaker) -> None:
    state: str = (await _asked(able))["requestState"]
    middle = len(state) // 2
    flipped = f"{state[:middle]}{'A' if state[middle] != 'A' else 'B'}{state[middle + 1 :]}"
    wrong: tuple[Any, ...] = (
        f"{state}-TAMPERED", state[:-1], state[1:], "", "x", state.upper(), flipped, 7, None, {}, "A" * 300_000,
    )  # fmt: skip
    for altered in wrong:
        answer = await able.call("ask_form", requestState=altered, inputResponses={"name": ACCEPTED})
        assert told(answer) == INVALID, altered


@requirement("request-state")
async def test_a_state_is_good_for_its_own_call_alone(able: Speaker) -> None:
    asked = await _asked(able)
    retry = _retry(asked, name=ACCEPTED)
    assert told(await able.call("ask_model", **retry)) == INVALID
    assert told(await able.call("ask_form", {"other": "arguments"}, **retry)) == INVALID
    assert told(await able.ask("prompts/get", {"name": "ask", **retry})) == INVALID


@requirement("request-state")
async def test_a_state_is_good_for_its_own_principal_endpoint_and_tenant_alone(
    able: Speaker, meet: Meet, neighbour: Stage, colleague: str
) -> None:
    retry = _retry(await _asked(able), name=ACCEPTED)
    for stranger in (
        await meet(key=colleague, capabilities=EVERYTHING),
        await meet(where=neighbour, capabilities=EVERYTHING),
    ):
        assert told(await stranger.call("ask_form", **retry)) == INVALID
    assert result_of(await able.call("ask_form", **retry))["resultType"] == "complete"


@requirement("request-state")
async def test_a_state_does_not_outlive_its_time(able: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    retry = _retry(await _asked(able), name=ACCEPTED)
    for later, is_good in ((599, True), (601, False)):
        now = time.time() + later
        with monkeypatch.context() as patch:
            patch.setattr("mcp_runtime.protocol.request_state.time.time", lambda now=now: now)
            answer = await able.call("ask_form", **retry)
        assert (answer.status == 200) is is_good
        if not is_good:
            assert told(answer) == INVALID


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment, with the derived keys forgotten after the test."""
    yield monkeypatch
    monkeypatch.undo()
    crypto._keys.cache_clear()  # noqa: SLF001  a process reads its secret once; a test needs two processes' worth


@requirement("request-state-key-rotation")
async def test_a_state_outlives_a_rotation_of_keys_as_long_as_the_old_key_is_kept(
    able: Speaker, rotation: pytest.MonkeyPatch
) -> None:
    retry = _retry(await _asked(able), name=ACCEPTED)
    former = "only-for-tests-" + "0" * 40
    rotation.setenv("ARMSTRONG_SECRET_KEY", "another-secret-" + "1" * 40)
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", former)
    crypto._keys.cache_clear()  # noqa: SLF001
    assert result_of(await able.call("ask_form", **retry))["resultType"] == "complete"
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "")
    crypto._keys.cache_clear()  # noqa: SLF001
    assert told(await able.call("ask_form", **retry)) == INVALID


@requirement("request-state")
async def test_a_state_is_read_by_every_worker(able: Speaker, other_worker: Worker) -> None:
    retry = _retry(await _asked(able), name=ACCEPTED)
    assert result_of(await able.elsewhere(other_worker).call("ask_form", **retry))["resultType"] == "complete"


@requirement("input-required-rounds", "effects-happen-once")
async def test_rounds_remember_their_answers_and_what_comes_after_them_happens_once(able: Speaker, room: Room) -> None:
    arguments = {"room": room.name}
    first = await _asked(able, "pay", arguments)
    assert list(first["inputRequests"]) == ["name"]
    second = result_of(await able.call("pay", arguments, **_retry(first, name=ACCEPTED)))
    assert list(second["inputRequests"]) == ["again"]
    assert second["requestState"] != first["requestState"]
    assert room.counted["paid"] == 0
    done = result_of(await able.call("pay", arguments, **_retry(second, again=ACCEPTED)))
    assert done["content"][0]["text"] == "paid"
    # The handler starts anew with each leg, so nothing that has effects may come before its questions.
    assert room.counted == {"started": 3, "paid": 1}


NEEDS = {
    "ask_form": {"elicitation": {"form": {}}},
    "ask_link": {"elicitation": {"url": {}}},
    "ask_model": {"sampling": {}},
    "ask_model_with_tools": {"sampling": {"tools": {}}},
    "ask_roots": {"roots": {}},
}
DECLARED: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"elicitation": {}}, {"ask_form"}),
    ({"elicitation": {"form": {}}}, {"ask_form"}),
    ({"elicitation": {"url": {}}}, {"ask_link"}),
    ({"elicitation": {"form": {}, "url": {}}}, {"ask_form", "ask_link"}),
    ({"sampling": {}}, {"ask_model"}),
    ({"sampling": {"context": {}}}, {"ask_model"}),
    ({"sampling": {"tools": {}}}, {"ask_model", "ask_model_with_tools"}),
    ({"roots": {}}, {"ask_roots"}),
    ({"experimental": {"elicitation": {}}, "extensions": {"roots": {}}}, set()),
]


@requirement("client-capabilities", "elicitation-modes", "sampling-with-tools")
@pytest.mark.parametrize(("capabilities", "askable"), DECLARED)
async def test_a_client_is_asked_what_it_declares_with_this_request_and_else_told_what_is_needed(
    meet: Meet, capabilities: dict[str, Any], askable: set[str]
) -> None:
    speaker = await meet(capabilities=capabilities)
    for name, needed in NEEDS.items():
        answer = await speaker.call(name)
        if name in askable:
            assert result_of(answer)["resultType"] == "input_required"
        else:
            assert told(answer) == (400, errors.MISSING_CLIENT_CAPABILITY, 1)
            assert answer.json["error"]["data"] == {"requiredCapabilities": needed}


@requirement("client-capabilities")
async def test_of_several_questions_those_are_asked_that_can_be_answered(meet: Meet) -> None:
    speaker = await meet(capabilities={"elicitation": {"url": {}}, "sampling": {}})
    asked = await _asked(speaker, "ask_all")
    assert set(asked["inputRequests"]) == {"link", "model"}
    link = asked["inputRequests"]["link"]["params"]
    assert (link["mode"], link["url"]) == ("url", "https://example.com/sign-in")
    assert "elicitationId" not in link


@requirement("effects-happen-once")
async def test_a_state_is_no_answer_by_itself(able: Speaker, room: Room) -> None:
    arguments = {"room": room.name}
    asked = await _asked(able, "pay", arguments)
    for _ in range(2):
        again = result_of(await able.call("pay", arguments, requestState=asked["requestState"]))
        assert list(again["inputRequests"]) == ["name"]
    assert room.counted["paid"] == 0
