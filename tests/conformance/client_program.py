"""Our MCP client as the conformance suite starts it for each scenario: the server's URL is its argument.

It does what a worker and the console do with an upstream: discovers it, and uses everything that it offers. Who would
be asked accepts, and whoever would log in does: the suite's authorization server asks nobody.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from core.outbound import Client
from core.outbound.policy import Policy
from mcp_runtime.sources.contract import CallContext, ToolDraft
from mcp_runtime.sources.conversation import Answer, Elicit, ElicitUrl, ListRoots, Question, Sample, Silence
from mcp_runtime.sources.mcp.link import LoginNeeded
from mcp_runtime.sources.mcp.source import McpSource
from mcp_runtime.sources.upstream import Discovery, Line, OpenUpstream, UpstreamFailed
from tests.conformance.client_login import Login

SECONDS = 20.0
LOGINS = 2  # of one call: whoever goes on has missed that it does not help
# The suite's servers take any port of this machine, and the vault wants each named that is not encrypted.
POLICY = Policy(
    frozenset((host, port) for host in ("localhost", "127.0.0.1") for port in range(1024, 65_536)),
    (ip_network("127.0.0.1/32"), ip_network("::1/128")),
)
SAMPLES: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


class Accepting(Silence):
    """A client that accepts whatever it is asked."""

    def __init__(self) -> None:
        self._memory: dict[str, Any] = {}

    @property
    def memory(self) -> dict[str, Any]:
        return self._memory

    def understands(self, question: Question) -> bool:
        return True

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        return {key: _answer(question) for key, question in questions.items()}


def _answer(question: Question) -> Answer:
    match question:
        case Elicit(schema=schema):
            fields = schema.get("properties", {})
            needed = {name: field for name, field in fields.items() if "default" not in field}
            return {"action": "accept", "content": {name: _sample(field) for name, field in needed.items()}}
        case ElicitUrl():
            return {"action": "accept"}
        case Sample():
            return {"role": "assistant", "content": {"type": "text", "text": "Hello."}, "model": "none"}
        case ListRoots():
            return {"roots": []}


def _sample(field: Mapping[str, Any]) -> Any:
    choices = field.get("enum") or [choice["const"] for choice in field.get("oneOf", [])]
    return choices[0] if choices else SAMPLES.get(field.get("type", ""), "sample")


async def main(url: str) -> None:
    """Uses the server at `url` as the environment says."""
    version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2026-07-28")
    given = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    transport = "stateless" if version >= "2026-07-28" else "session"
    async with Client(POLICY) as http, asyncio.timeout(SECONDS):
        login = Login(http, url, given)
        line = Line("tenant", "upstream", http, login, _nothing)
        upstream = McpSource().open({"url": url, "transport": transport}, line)
        try:
            found = await _logged_in(login, lambda: upstream.discover(_heedless))
            await _use(upstream, found, login, given.get("toolCalls", []))
        finally:
            await upstream.close()


async def _use(upstream: OpenUpstream, found: Discovery, login: Login, calls: list[dict[str, Any]]) -> None:
    operations = {tool.name: tool.config for tool in found.tools}
    # One scenario wants the schema of a tool given to another.
    known = {"schema": found.tools[0].input_schema} if found.tools else {}
    planned = calls or [{"name": tool.name, "arguments": _arguments(tool, known)} for tool in found.tools]
    for call in planned:
        handler = upstream.tool(operations[call["name"]])
        result = await _logged_in(login, lambda: handler(_context(), call["arguments"]))  # noqa: B023  awaited here
        print(call["name"], result)
    for prompt in found.prompts:
        arguments = {argument["name"]: "sample" for argument in prompt.arguments}
        print(await upstream.prompt(prompt.config).handler(_context(), arguments))
    for resource in found.resources:
        print(await upstream.resource(resource.config).handler(_context(), resource.uri, {}))


async def _logged_in(login: Login, work: Any) -> Any:
    """What `work` returns, after as many logins as it asks for, within reason."""
    for _time in range(LOGINS):
        try:
            return await work()
        except LoginNeeded as needed:
            await login.again(needed.challenge)
    return await work()


def _arguments(tool: ToolDraft, known: Mapping[str, Any]) -> dict[str, Any]:
    fields, required = tool.input_schema.get("properties", {}), tool.input_schema.get("required", [])
    return {name: known.get(name, _sample(field)) for name, field in fields.items() if name in required}


def _context() -> CallContext:
    deadline = asyncio.get_running_loop().time() + SECONDS
    return CallContext("tenant", "endpoint", "caller", "request", deadline, Accepting())


async def _nothing() -> bytes:
    return b""


async def _heedless(_done: int, _of: int, _what: str) -> None:
    return


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except UpstreamFailed as failed:
        sys.exit(f"{failed.health}: {failed}")
