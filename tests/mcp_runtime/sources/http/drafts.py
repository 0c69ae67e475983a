"""Drafts of HTTP tools whose arguments may be anything."""

from typing import Any

from mcp_runtime.sources.contract import ToolDraft

NAMES = ("id", "q", "tags", "language", "name", "count")


def http_draft(url: str = "https://api.example.com/items", **settings: Any) -> ToolDraft:
    """A tool with this configuration; its schema declares NAMES, and requires `id`."""
    schema = {"type": "object", "properties": {name: {} for name in NAMES}, "required": ["id"]}
    extra = {name: settings.pop(name) for name in ("secrets", "output_schema") if name in settings}
    return ToolDraft(name="tool", input_schema=schema, config={"url": url} | settings, **extra)
