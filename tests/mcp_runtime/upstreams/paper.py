"""A kind of upstream for tests: it offers what a test wrote down, and fails when it is told to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    InvalidConfig,
    PromptResult,
    ToolDraft,
    ToolHandler,
    ToolResult,
    text_result,
)
from mcp_runtime.sources.upstream import (
    Discovery,
    Line,
    OpenUpstream,
    Report,
    ToolsAlone,
    UpstreamDraft,
    UpstreamFailed,
)
from tests.mcp_runtime.driving import in_console


@dataclass
class Paper:
    """The source; what it offers and how it fails is the test's to change. `opened` counts."""

    kind: str = "paper"
    title: str = "Paper"
    discovery: Discovery = field(default_factory=Discovery)
    failure: UpstreamFailed | None = None
    opened: int = 0
    closed: int = 0
    secrets: list[dict[str, str]] = field(default_factory=list)
    # Happens, in a thread, while it is probed.
    meanwhile: Callable[[], object] | None = None
    # What its tools do instead of answering, how often they were asked, and that one hangs.
    says_error: bool = False
    hangs: bool = False
    asked: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """Takes anything but what is `wrong`."""
        if "wrong" in draft.config:
            raise InvalidConfig({"config.wrong": "Leave it out."})
        return draft

    def destination(self, config: dict[str, Any]) -> str:
        """Where its configuration says."""
        return str(config.get("url", "https://paper.example.com"))

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """Counts."""
        self.opened += 1
        return Sheet(self, line)


@dataclass
class Sheet(ToolsAlone):
    """An open one."""

    paper: Paper
    line: Line

    async def discover(self, report: Report) -> Discovery:
        """What the test wrote down."""
        await report(1, 2, "reading")
        self._fail()
        return self.paper.discovery

    async def probe(self) -> None:
        """Fails when told to."""
        if self.paper.meanwhile is not None:
            await in_console(self.paper.meanwhile)
        self._fail()

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """Answers the operation, its arguments and the secrets that it was given."""

        async def handle(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
            await self._behave()
            if self.paper.says_error:
                return text_result("wrong", is_error=True)
            self.paper.secrets.append(dict(await self.line.credentials.secrets()))
            return ToolResult([], structured={"operation": operation, "arguments": arguments}, has_structured=True)

        return handle

    async def close(self) -> None:
        """Counts."""
        self.paper.closed += 1

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """A greeting."""

        async def handle(_context: CallContext, _arguments: dict[str, str]) -> PromptResult:
            await self._behave()
            return PromptResult([{"role": "user", "content": {"type": "text", "text": "Hello"}}])

        return CompiledPrompt(handle)

    async def _behave(self) -> None:
        self.paper.asked += 1
        self._fail()
        if self.paper.hangs:
            self.paper.hanging.set()
            await asyncio.Event().wait()

    def _fail(self) -> None:
        if self.paper.failure is not None:
            raise self.paper.failure


def tool(name: str, **members: Any) -> ToolDraft:
    """A tool that takes a number."""
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "debug": {"type": "boolean"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    return ToolDraft(**{"name": name, "input_schema": schema, "config": {"do": name}} | members)
