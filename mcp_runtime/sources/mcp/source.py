"""The source `mcp`: another MCP server of any revision, with everything that it offers."""

import asyncio
from typing import Any

from mcp_runtime.sources.contract import CompiledPrompt, CompiledResource, ToolHandler
from mcp_runtime.sources.mcp import handlers
from mcp_runtime.sources.mcp.client import McpClient
from mcp_runtime.sources.mcp.config import check, origin_of, read_config
from mcp_runtime.sources.mcp.discovery import discover
from mcp_runtime.sources.mcp.listening import Listening
from mcp_runtime.sources.mcp.messages import Answered, broken
from mcp_runtime.sources.mcp.requests import Request, nobody
from mcp_runtime.sources.upstream import Discovery, Line, OpenUpstream, Report, UpstreamDraft

DISCOVERY_SECONDS = 60.0
PROBE_SECONDS = 10.0


class McpSource:
    """MCP servers."""

    kind = "mcp"
    title = "MCP server"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft, completed. Raises InvalidConfig."""
        return check(draft)

    def destination(self, config: dict[str, Any]) -> str:
        """The server's origin."""
        return origin_of(read_config(config))

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The server, ready to be used. Raises InvalidConfig."""
        return OpenMcp(McpClient(read_config(config), line), line)


class OpenMcp:
    """One server in use, which tells of changes (`sources.upstream.Telling`)."""

    def __init__(self, client: McpClient, line: Line) -> None:
        self._client = client
        self.listening = Listening(client, line.changed)

    async def discover(self, report: Report) -> Discovery:
        """All pages of everything that it declares. Raises UpstreamFailed."""
        caller = nobody(DISCOVERY_SECONDS)
        try:
            async with asyncio.timeout_at(caller.deadline):
                about = await self._client.about(caller)
                return await discover(about, self._client.request, caller, report)
        except TimeoutError:
            raise broken(f"The server did not list all that it has within {DISCOVERY_SECONDS:g} s.") from None
        except Answered as error:
            raise broken(f"The server refused to say what it has: {error.sentence}") from None

    async def probe(self) -> None:
        """Whether it answers, and lists a page of tools if it has any. Raises UpstreamFailed."""
        caller = nobody(PROBE_SECONDS)
        try:
            about = await self._client.about(caller)
            if about.offers("tools"):
                await self._client.request(Request("tools/list"), caller)
        except Answered as error:
            raise broken(f"The server refused a probe: {error.sentence}") from None

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How a tool is called. Raises InvalidConfig."""
        return handlers.tool_handler(self._client, operation)

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """How a prompt is got. Raises InvalidConfig."""
        return handlers.prompt(self._client, operation)

    def resource(self, operation: dict[str, Any]) -> CompiledResource:
        """How a resource is read. Raises InvalidConfig."""
        return handlers.resource(self._client, operation)

    async def close(self) -> None:
        """Ends its sessions and streams; calls that are under way fail."""
        await self._client.close()
