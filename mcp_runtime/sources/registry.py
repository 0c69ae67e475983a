"""Every tool source, a line each."""

from mcp_runtime.sources.builtin.source import BuiltinSource
from mcp_runtime.sources.contract import ToolSource
from mcp_runtime.sources.http.source import HttpSource

SOURCES: dict[str, ToolSource] = {source.kind: source for source in (BuiltinSource(), HttpSource())}
