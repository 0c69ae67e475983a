"""A server as users of version 1 of the official SDK write it, in an environment of its own: `server.py <port> <how>`.

`how` is "streamable-http" or "sse".
"""

import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel

server = FastMCP("SDK 1", instructions="Ask before you leap.", host="127.0.0.1", port=int(sys.argv[1]))


class Sum(BaseModel):
    """What `add` answers."""

    sum: int


class Name(BaseModel):
    """What a form asks for."""

    value: str


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


async def greet(ctx: Context) -> str:
    """Asks for a name."""
    answer = await ctx.elicit("Who?", Name)
    return f"Hello, {answer.data.value}"


async def think(ctx: Context, about: str) -> str:
    """Asks the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=about))
    thought = await ctx.session.create_message([message], max_tokens=10, related_request_id=ctx.request_id)
    return str(thought.content.text)


def review(language: str) -> str:
    """Reviews code."""
    return f"Review this {language}."


def today() -> str:
    """What there is to do."""
    return "Everything."


def on(day: str) -> str:
    """What there was to do."""
    return f"Nothing on {day}."


for tool in (add, fail, count, greet, think):
    server.tool()(tool)
server.prompt()(review)
server.resource("notes://today")(today)
server.resource("notes://{day}")(on)

if __name__ == "__main__":
    server.run(transport=sys.argv[2])
