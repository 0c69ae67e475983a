"""Every tool source, a line each."""

from mcp_runtime.sources.contract import ToolSource

SOURCES: dict[str, ToolSource] = {}
