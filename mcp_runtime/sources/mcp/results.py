"""Results of servers, read as the protocol has them and written again: nothing goes on that is not understood."""

from typing import Any

from mcp_runtime.sources.contract import PromptResult, ToolResult
from mcp_runtime.sources.mcp.messages import broken

MAXIMUM_BLOCKS = 10_000
_TEXT_MEMBERS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("uri",),
}
_BLOCK_FIELDS: dict[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "annotations", "_meta"}),
    "image": frozenset({"type", "data", "mimeType", "annotations", "_meta"}),
    "audio": frozenset({"type", "data", "mimeType", "annotations", "_meta"}),
    "resource": frozenset({"type", "resource", "annotations", "_meta"}),
    "resource_link": frozenset(
        {"type", "uri", "name", "title", "description", "mimeType", "size", "icons", "annotations", "_meta"}
    ),
}
_CONTENT_FIELDS = frozenset({"uri", "mimeType", "text", "blob", "_meta"})
_ROLES = frozenset({"user", "assistant"})
_MISSING = object()


def tool_result(result: dict[str, Any]) -> ToolResult:
    """A CallToolResult. Raises UpstreamFailed."""
    is_error, structured = result.get("isError", False), result.get("structuredContent", _MISSING)
    if type(is_error) is not bool:
        raise broken("The server does not say whether the tool failed.")
    content = blocks(result.get("content", []))
    has_structured = structured is not _MISSING
    return ToolResult(content, structured if has_structured else None, is_error, has_structured)


def prompt_result(result: dict[str, Any]) -> PromptResult:
    """A GetPromptResult. Raises UpstreamFailed."""
    messages, description = result.get("messages"), result.get("description")
    if type(messages) is not list or len(messages) > MAXIMUM_BLOCKS:
        raise broken("The server's prompt has no messages.")
    return PromptResult([_message(message) for message in messages], description if type(description) is str else "")


def _message(message: Any) -> dict[str, Any]:
    if type(message) is not dict or message.get("role") not in _ROLES:
        raise broken("The server's prompt has a message of nobody.")
    return {"role": message["role"], "content": block(message.get("content"))}


def resource_contents(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The contents of a ReadResourceResult. Raises UpstreamFailed."""
    contents = result.get("contents")
    if type(contents) is not list or len(contents) > MAXIMUM_BLOCKS:
        raise broken("The server's resource has no contents.")
    return [_content(content) for content in contents]


def completion_values(result: dict[str, Any]) -> list[str]:
    """The values of a CompleteResult. Raises UpstreamFailed."""
    completion = result.get("completion")
    values = completion.get("values") if type(completion) is dict else None
    if type(values) is not list or not all(type(value) is str for value in values):
        raise broken("The server's proposals are not texts.")
    return values


def blocks(content: Any) -> list[dict[str, Any]]:
    """A list of ContentBlocks. Raises UpstreamFailed."""
    if type(content) is not list or len(content) > MAXIMUM_BLOCKS:
        raise broken("The server's content is not a list.")
    return [block(item) for item in content]


def block(item: Any) -> dict[str, Any]:
    """One ContentBlock. Raises UpstreamFailed for what is none."""
    kind = item.get("type") if type(item) is dict else None
    fields = _BLOCK_FIELDS.get(kind) if type(kind) is str else None
    if fields is None:
        raise broken("The server sent content of a kind that is not known.")
    if not all(type(item.get(name)) is str for name in _TEXT_MEMBERS.get(item["type"], ())):
        raise broken("The server sent content that is not whole.")
    known = {name: value for name, value in item.items() if name in fields}
    if kind == "resource":
        known["resource"] = _content(item.get("resource"))
    if kind == "resource_link":
        known.setdefault("name", item["uri"])
    return known


def _content(content: Any) -> dict[str, Any]:
    if type(content) is not dict or type(content.get("uri")) is not str:
        raise broken("The server sent a resource without a URI.")
    if type(content.get("text")) is not str and type(content.get("blob")) is not str:
        raise broken("The server sent a resource without text or data.")
    return {name: value for name, value in content.items() if name in _CONTENT_FIELDS}
