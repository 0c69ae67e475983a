"""`input_required` results (2026-07-28, basic/patterns/mrtr): what a server needs is asked for, and its call repeated.

What it said goes into the conversation's memory before anybody is asked: where asking ends the call, its repetition
goes on from there, and the server is not called from the start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.questions import decode_question, encode_question
from mcp_runtime.protocol.revisions import NEWEST_STATELESS
from mcp_runtime.sources.conversation import Conversation, Question
from mcp_runtime.sources.mcp.messages import broken
from mcp_runtime.sources.mcp.questions import NotAQuestion, read_questions, with_defaults
from mcp_runtime.sources.mcp.requests import Caller, Request

MAXIMUM_ROUNDS = 16
MAXIMUM_QUESTIONS = 32
MAXIMUM_BYTES = 64 * 1024  # what is remembered travels through the client with each round
# A server that asks nothing has only to be called again, and not at once.
PAUSE_SECONDS = 0.2
MEMORY = "mcp"

type Perform = Callable[[Request, Caller], Awaitable[dict[str, Any]]]


class Round(msgspec.Struct, frozen=True):
    """What a server wants before it goes on: `questions` by its own keys, `state` to be brought back as it is."""

    number: int
    questions: dict[str, Any]
    state: str | None = None


async def fulfilled(perform: Perform, request: Request, caller: Caller) -> dict[str, Any]:
    """The complete result. Raises UpstreamFailed, Answered, and whatever asking the client raises."""
    asking = _remembered(caller.conversation.memory)
    for number in range(asking.number if asking else 0, MAXIMUM_ROUNDS):
        further = {} if asking is None else await _further(asking, caller.conversation)
        result = await perform(request.again(further), caller)
        if result.get("resultType") != "input_required":
            caller.conversation.memory.pop(MEMORY, None)
            return result
        asking = _read(result, number + 1)
        caller.conversation.memory[MEMORY] = msgspec.to_builtins(asking)
        if not asking.questions:
            await asyncio.sleep(PAUSE_SECONDS)
    raise broken("The server does not stop asking.")


def _remembered(memory: Mapping[str, Any]) -> Round | None:
    return msgspec.convert(memory[MEMORY], Round) if MEMORY in memory else None


async def _further(asking: Round, conversation: Conversation) -> dict[str, Any]:
    """The params that bring the answers."""
    further: dict[str, Any] = {} if asking.state is None else {"requestState": asking.state}
    if not asking.questions:
        return further
    # A key may come back in another round, and asks something else there.
    named = {f"{asking.number}.{key}": decode_question(request) for key, request in asking.questions.items()}
    answers = await conversation.ask(named)
    responses = {key.partition(".")[2]: with_defaults(named[key], answer) for key, answer in answers.items()}
    return {**further, "inputResponses": responses}


def _read(result: dict[str, Any], number: int) -> Round:
    """What the result asks for. Raises UpstreamFailed."""
    state = result.get("requestState")
    if state is not None and type(state) is not str:
        raise broken("The server sent a state that is not a text.")
    if state is None and "inputRequests" not in result:
        raise broken("The server asks for something and does not say for what.")
    questions = _questions(result.get("inputRequests", {}))
    asking = Round(number, {key: encode_question(asked, NEWEST_STATELESS) for key, asked in questions.items()}, state)
    if len(questions) > MAXIMUM_QUESTIONS or len(encode(asking)) > MAXIMUM_BYTES:
        raise broken("The server asks for too much at once.")
    return asking


def _questions(requests: Any) -> dict[str, Question]:
    try:
        return read_questions(requests)
    except NotAQuestion as error:
        raise broken(f"The server asks for something that cannot be asked: {error}") from None
