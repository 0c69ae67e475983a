"""Tools whose calls may outlive their request: they say from where on, and may ask on the way."""

import asyncio
from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.sources.conformance.asking import NAME_FORM
from mcp_runtime.sources.contract import CallContext, ToolResult, text_result
from mcp_runtime.sources.conversation import Answer, Elicit

CONFIRM = {"type": "object", "properties": {"confirm": {"type": "boolean"}}, "required": ["confirm"]}
FAILING_SECONDS = 1.0


async def greet(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Greets, and never as a task."""
    return text_result(f"Hello, {arguments['name']}!")


async def slow_compute(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Takes as many seconds as it is told to."""
    seconds = arguments["seconds"]
    if seconds > 0:
        await context.conversation.detach()
        await asyncio.sleep(seconds)
    return text_result(f"{arguments.get('label', 'It')} took {seconds} seconds.")


async def failing_job(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Fails after a second, as a tool does."""
    await context.conversation.detach()
    await asyncio.sleep(FAILING_SECONDS)
    return text_result("The job failed.", is_error=True)


async def protocol_error_job(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Is refused on the way, so that there is no result at all."""
    await context.conversation.detach()
    raise Refused(refusals.TEMPORARILY_UNAVAILABLE, "The job ended without a result.")


async def confirm_delete(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Asks before it pretends to delete a file."""
    await context.conversation.detach()
    question = Elicit(f"Delete {arguments['filename']}?", CONFIRM)
    answer = (await context.conversation.ask({"confirm": question}))["confirm"]
    done = answer["action"] == "accept" and answer.get("content", {}).get("confirm") is True
    return text_result(f"{arguments['filename']} was {'deleted' if done else 'kept'}.")


async def multi_input(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks two things at once."""
    await context.conversation.detach()
    asked = {"name": Elicit("What is your name?", NAME_FORM), "confirm": Elicit("Are you sure?", CONFIRM)}
    answers = await context.conversation.ask(asked)
    return text_result(f"Answered: {', '.join(sorted(answers))}")


async def with_task(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks for a name while its request is open, and greets as a task."""
    answers = await context.conversation.ask({"user_name": Elicit("What is your name?", NAME_FORM)})
    await context.conversation.detach()
    return text_result(f"Hello, {_name(answers['user_name'])}!")


def _name(answer: Answer) -> str:
    return str(answer.get("content", {}).get("name", "stranger"))
