"""Questions of the server to its client in sessions: who is asked what, in which words, and whose answer counts."""

import json
from typing import Any

import pytest

from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import whole
from tests.mcp_runtime.requirements.conftest import Meet
from tests.mcp_runtime.requirements.sandbox import CHOICES_FORM
from tests.mcp_runtime.requirements.speaking import (
    EVERYTHING,
    SESSION_REVISIONS,
    Speaker,
    messages_of,
    result_of,
    since,
)

requirement = pytest.mark.requirement
ANSWERS: dict[str, Any] = {
    "elicitation/create": {"action": "accept", "content": {"name": "Alice"}},
    "sampling/createMessage": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "Oslo"}},
    "roots/list": {"roots": [{"uri": "file:///home"}]},
}


@requirement("server-requests", "answers-at-another-worker", "roots", "sampling")
@SESSION_REVISIONS
@pytest.mark.parametrize("name", ["ask_form", "ask_model", "ask_roots"])
async def test_a_question_is_a_request_on_the_calls_stream_and_its_answer_may_come_elsewhere(
    meet: Meet, other_worker: Worker, name: str
) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    call = speaker.start(name, identifier="mine")
    if name == "ask_form" and speaker.version < "2025-06-18":
        assert result_of(await whole(call))["isError"]
        return
    await call.start()
    (question,) = await messages_of(call, 1)
    answer = {"jsonrpc": "2.0", "id": question["id"], "result": ANSWERS[question["method"]]}
    taken = await speaker.elsewhere(other_worker).tell(answer)
    assert (taken.status, taken.body) == (202, b"")
    (done,) = await messages_of(call, 1)
    assert done["id"] == "mine"
    assert list(json.loads(done["result"]["content"][0]["text"]).values()) == [ANSWERS[question["method"]]]


@requirement("server-requests")
@since("2025-06-18", "2025-11-25")
async def test_an_answer_that_is_none_fails_the_tool_and_tells_why(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    for response in (
        {"error": {"code": -1, "message": "User rejected"}},
        {"result": {"action": "accept", "content": {"name": 7}}},
        {"result": {"action": "maybe"}},
        {"result": 7},
    ):
        call = speaker.start("ask_form")
        await call.start()
        (question,) = await messages_of(call, 1)
        assert (await speaker.tell({"jsonrpc": "2.0", "id": question["id"], **response})).status == 202
        (done,) = await messages_of(call, 1)
        assert done["result"]["isError"] is True


@requirement("server-requests")
@since("2025-06-18", "2025-11-25")
async def test_another_session_cannot_answer(meet: Meet) -> None:
    mine, other = await meet(capabilities=EVERYTHING), await meet(capabilities=EVERYTHING)
    call = mine.start("ask_form")
    await call.start()
    (question,) = await messages_of(call, 1)
    forged = {"action": "accept", "content": {"name": "Mallory"}}
    assert (await other.tell({"jsonrpc": "2.0", "id": question["id"], "result": forged})).status == 202
    answer = ANSWERS["elicitation/create"]
    assert (await mine.tell({"jsonrpc": "2.0", "id": question["id"], "result": answer})).status == 202
    (done,) = await messages_of(call, 1)
    assert "Alice" in done["result"]["content"][0]["text"]


CHOSEN: dict[str, Any] = {"name": "Joe", "several": ["a", "b"], "titled": "b", "titles": ["a"], "sure": False}


@requirement("forms-of-every-revision")
@since("2025-06-18", "2025-11-25")
async def test_a_form_is_asked_in_what_the_revision_knows_and_its_answer_is_the_same(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    call = speaker.start("ask_choices")
    await call.start()
    (question,) = await messages_of(call, 1)
    fields = question["params"]["requestedSchema"]["properties"]
    content = CHOSEN
    if speaker.version == "2025-06-18":
        assert fields["several"] == {
            "type": "string",
            "description": 'Pick. Several of these, with commas: a, b. Default: ["a"].',
        }
        assert fields["titled"] == {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]}
        assert fields["name"] == {"type": "string", "title": "Name", "minLength": 1, "description": 'Default: "Joe".'}
        content = {**CHOSEN, "several": "a, b", "titles": "a"}
    else:
        assert fields == CHOICES_FORM["properties"]
    answer = {"action": "accept", "content": content}
    assert (await speaker.tell({"jsonrpc": "2.0", "id": question["id"], "result": answer})).status == 202
    (done,) = await messages_of(call, 1)
    assert json.loads(done["result"]["content"][0]["text"])["form"]["content"] == CHOSEN


@requirement("forms-of-every-revision")
@since("2025-06-18", "2025-06-18")
async def test_a_choice_that_is_none_is_no_answer_in_words_either(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    for several in ("c", "", " , ", "a, c"):
        call = speaker.start("ask_choices")
        await call.start()
        (question,) = await messages_of(call, 1)
        answer = {"action": "accept", "content": {"name": "Joe", "several": several}}
        assert (await speaker.tell({"jsonrpc": "2.0", "id": question["id"], "result": answer})).status == 202
        (done,) = await messages_of(call, 1)
        assert done["result"]["isError"] is True


@requirement("sampled-messages-of-every-revision")
@SESSION_REVISIONS
async def test_a_message_of_several_contents_is_several_messages_to_those_who_know_one(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    call = speaker.start("ask_model_at_length")
    await call.start()
    (question,) = await messages_of(call, 1)
    messages = question["params"]["messages"]
    assert len(messages) == (2 if speaker.version < "2025-11-25" else 1)
    answer = {"jsonrpc": "2.0", "id": question["id"], "result": ANSWERS["sampling/createMessage"]}
    assert (await speaker.tell(answer)).status == 202
    (done,) = await messages_of(call, 1)
    assert done["result"]["isError"] is False


@requirement("server-requests-time-out")
@SESSION_REVISIONS
async def test_a_question_without_an_answer_is_cancelled_and_the_tool_told(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.questions.ANSWER_SECONDS", 0.01)
    speaker = await meet(capabilities=EVERYTHING)
    call = speaker.start("ask_roots")
    await call.start()
    question, cancelled, done = await messages_of(call, 3)
    assert cancelled["method"] == "notifications/cancelled"
    assert cancelled["params"]["requestId"] == question["id"]
    assert done["result"]["isError"] is True
    assert "in time" in done["result"]["content"][0]["text"]


@requirement("client-capabilities-in-sessions")
@SESSION_REVISIONS
@pytest.mark.parametrize("name", ["ask_form", "ask_link", "ask_model", "ask_model_with_tools", "ask_roots"])
async def test_a_client_is_not_asked_what_it_did_not_declare(speaker: Speaker, name: str) -> None:
    result = result_of(await speaker.call(name))
    assert result["isError"] is True
    assert result["content"][0]["text"].startswith("This needs a client that declares: ")


@requirement("client-capabilities-in-sessions", "elicitation-modes")
@SESSION_REVISIONS
async def test_a_client_is_asked_what_it_declared_as_far_as_its_revision_knows_it(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    known = {"sampling/createMessage": 1, "roots/list": 1}
    if speaker.version >= "2025-06-18":
        known["elicitation/create"] = 1
    if speaker.version == "2025-11-25":
        known |= {"elicitation/create": 2, "sampling/createMessage": 2}
    call = speaker.start("ask_all")
    await call.start()
    asked = [message["method"] for message in await messages_of(call, sum(known.values()))]
    assert {method: asked.count(method) for method in asked} == known
