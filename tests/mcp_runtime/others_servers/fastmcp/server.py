"""A server as FastMCP 4's users write it, in an environment of its own: `server.py <port>`."""

import sys
from typing import Any

from fastmcp import Context, FastMCP
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel

server = FastMCP("FastMCP", instructions="Ask before you leap.")


class Sum(BaseModel):
    """What `add` answers."""

    sum: int


def add(a: int, b: int) -> Sum:
    """Adds two numbers."""
    return Sum(sum=a + b)


def fail() -> str:
    """Fails."""
    raise ValueError("It was not to be.")


async def count(ctx: Context, to: int) -> str:
    """Counts, and says so on the way."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to)
    return f"counted to {to}"


async def greet(ctx: Context) -> Any:
    """Asks for a name, in whichever way its client has."""
    if (ctx.request_context.protocol_version or "") < "2026-07-28":
        answer = await ctx.elicit("Who?", str)
        return f"Hello, {answer.data}"
    if ctx.input_responses is None:
        form = {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]}
        asked = ElicitRequest(params=ElicitRequestFormParams(message="Who?", requested_schema=form))
        return InputRequiredResult(input_requests={"who": asked})
    return f"Hello, {ctx.input_responses['who'].content['value']}"


def review(language: str) -> str:
    """Reviews code."""
    return f"Review this {language}."


def today() -> str:
    """What there is to do."""
    return "Everything."


def on(day: str) -> str:
    """What there was to do."""
    return f"Nothing on {day}."


for tool in (add, fail, count, greet):
    server.tool(tool)
server.prompt(review)
server.resource("notes://today")(today)
server.resource("notes://{day}")(on)

if __name__ == "__main__":
    server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="error")
