"""What a server of 2026-07-28 needs before it goes on, without any server: rounds, memory, and what cannot be asked."""

from collections.abc import Mapping
from typing import Any

import pytest

from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.sources.conversation import Answer, Elicit, ListRoots, Question
from mcp_runtime.sources.mcp.inputs import MAXIMUM_ROUNDS, fulfilled
from mcp_runtime.sources.mcp.questions import NotAQuestion, read_question
from mcp_runtime.sources.mcp.requests import Caller, Request, caller_of
from mcp_runtime.sources.upstream import UpstreamFailed
from tests.mcp_runtime.sources.mcp.opening import Client, context

FORM = {"type": "object", "properties": {"name": {"type": "string"}}}
ASK = {"who": {"method": "elicitation/create", "params": {"message": "Who?", "requestedSchema": FORM}}}
JOE = {"action": "accept", "content": {"name": "Joe"}}
ANSWERS: dict[type, Answer] = {Elicit: JOE, ListRoots: {"roots": []}}
CALL = Request("tools/call", {"name": "greet"}, "greet")


class Scripted:
    """Answers each request with the next result."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self.results = list(results)
        self.params: list[Mapping[str, Any]] = []

    async def __call__(self, request: Request, _caller: Caller) -> dict[str, Any]:
        self.params.append(request.params)
        return self.results.pop(0)


class Departing(Client):
    """A client whose first question ends the call, as on 2026-07-28."""

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        raise InputRequired(dict(questions), "")


def needing(requests: dict[str, Any] | None = None, state: str | None = None) -> dict[str, Any]:
    result: dict[str, Any] = {"resultType": "input_required"}
    if requests is not None:
        result["inputRequests"] = requests
    if state is not None:
        result["requestState"] = state
    return result


def form_of(field: Any) -> dict[str, Any]:
    """A form of one field."""
    return {"message": "x", "requestedSchema": {"type": "object", "properties": {"a": field}}}


async def test_answers_and_state_are_brought_back_as_they_were_given() -> None:
    server = Scripted(needing(ASK, "s1"), needing({"r": {"method": "roots/list"}}, "s2"), {"content": []})
    assert await fulfilled(server, CALL, caller_of(context(Client(ANSWERS)))) == {"content": []}
    assert server.params == [
        {"name": "greet"},
        {"name": "greet", "requestState": "s1", "inputResponses": {"who": JOE}},
        {"name": "greet", "requestState": "s2", "inputResponses": {"r": {"roots": []}}},
    ]


async def test_a_state_alone_is_brought_back_alone() -> None:
    server = Scripted(needing(state="busy"), {"content": []})
    await fulfilled(server, CALL, caller_of(context(Client())))
    assert server.params[1] == {"name": "greet", "requestState": "busy"}


async def test_a_call_that_asking_ended_goes_on_from_there() -> None:
    memory: dict[str, Any] = {}
    server = Scripted(needing(ASK, "s1"), {"content": []})
    with pytest.raises(InputRequired):
        await fulfilled(server, CALL, caller_of(context(Departing(memory=memory))))
    assert await fulfilled(server, CALL, caller_of(context(Client(ANSWERS, memory=memory)))) == {"content": []}
    assert server.params == [
        {"name": "greet"},
        {"name": "greet", "requestState": "s1", "inputResponses": {"who": JOE}},
    ]
    assert memory == {}


async def test_a_server_that_does_not_stop_asking_is_stopped() -> None:
    server = Scripted(*(needing(ASK, str(number)) for number in range(100)))
    with pytest.raises(UpstreamFailed, match="does not stop asking"):
        await fulfilled(server, CALL, caller_of(context(Client(ANSWERS))))
    assert len(server.params) == MAXIMUM_ROUNDS


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {}),
        ("elicitation/create", {"message": "x"}),
        ("elicitation/create", {"mode": "telepathy", "message": "x", "requestedSchema": FORM}),
        ("elicitation/create", {"message": 7, "requestedSchema": FORM}),
        ("elicitation/create", {"message": "x", "requestedSchema": {"type": "array"}}),
        ("elicitation/create", form_of(1)),
        ("elicitation/create", form_of({"type": "object"})),
        ("elicitation/create", form_of({"type": "string", "oneOf": [1]})),
        ("elicitation/create", form_of({"type": "string", "minLength": -1})),
        ("elicitation/create", {"mode": "url", "message": "x", "url": "javascript:alert(1)"}),
        ("elicitation/create", {"mode": "url", "message": "x", "url": "file:///etc/passwd"}),
        ("sampling/createMessage", {"messages": []}),
        ("sampling/createMessage", {"messages": ["hi"], "maxTokens": 1}),
        ("roots/list", []),
        ("roots/list", {"x": "y" * 300_000}),
    ],
)
def test_what_cannot_be_asked_is_refused(method: str, params: Any) -> None:
    with pytest.raises(NotAQuestion):
        read_question(method, params)


def test_of_a_form_only_what_the_protocol_knows_is_asked() -> None:
    field = {"type": "string", "title": "A", "pattern": "^a", "x": 1, "oneOf": [{"const": "a", "title": "A", "x": 1}]}
    several = {"type": "array", "items": {"type": "string", "enum": ["a"], "x": 1}, "uniqueItems": True}
    schema = {"type": "object", "title": "T", "properties": {"a": field, "b": several}, "required": ["a"], "$defs": {}}
    asked = read_question("elicitation/create", {"message": "x", "requestedSchema": schema})
    assert isinstance(asked, Elicit)
    assert asked.schema == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "title": "A", "oneOf": [{"const": "a", "title": "A"}]},
            "b": {"type": "array", "items": {"type": "string", "enum": ["a"]}},
        },
        "required": ["a"],
    }
