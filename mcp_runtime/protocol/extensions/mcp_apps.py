"""MCP Apps (ext-apps, 2026-01-26): tools that name the HTML their results are shown in; no method of its own.

What an author says of it travels in `_meta` on every revision that has it, so sessions know it too; only 2026-07-28 has
a place to declare it.
"""

from typing import Any

from mcp_runtime.mcp_apps import MIME_TYPE, SCHEME
from mcp_runtime.protocol.extension import Extension
from mcp_runtime.protocol.served import ServedEndpoint


def _settings(endpoint: ServedEndpoint) -> dict[str, Any] | None:
    offers = any(uri.startswith(SCHEME) for uri in (*endpoint.resources, *endpoint.templates))
    return {"mimeTypes": [MIME_TYPE]} if offers else None


EXTENSION = Extension(
    id="io.modelcontextprotocol/ui",
    version="2026-01-26",
    revisions=frozenset({"2026-07-28"}),
    settings=_settings,
)
