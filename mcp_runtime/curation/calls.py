"""What curation does to a call: arguments that are fixed, and of the result only what is wanted, within its bytes."""

from collections.abc import Callable
from typing import Any

import msgspec

from mcp_runtime.guardrails.results import guarded
from mcp_runtime.snapshots.structs import CallCuration
from mcp_runtime.sources.contract import CallContext, ToolHandler, ToolResult, text_result

MISSING = object()


def curated_handler(handler: ToolHandler, curation: CallCuration) -> ToolHandler:
    """The handler, with the curation around it; the handler itself where there is none."""
    if curation.is_nothing:
        return handler
    projected = _projection(curation.project) if curation.project else None

    async def handle(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        result = await handler(context, arguments | curation.fixed)
        if result.is_refusal:
            return result
        if projected is not None and not result.is_error:
            result = projected(result)
        if not curation.guard.is_off:
            result = guarded(result, curation.guard)
        return _capped(result, curation.maximum_bytes)

    return handle


def _projection(pointers: list[str]) -> Callable[[ToolResult], ToolResult]:
    paths = [[_unescaped(step) for step in pointer.split("/")[1:]] for pointer in pointers]

    def project(result: ToolResult) -> ToolResult:
        if not result.has_structured:
            return text_result("The answer has no structure to choose parts of.", is_error=True)
        kept: Any = None
        for path in paths:
            kept = _merged(kept, _picked(result.structured, path))
        # The text that came along holds all of it; what is structured is written as text again.
        return ToolResult(content=[], structured={} if kept is None else kept, has_structured=True)

    return project


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _picked(value: Any, path: list[str]) -> Any:
    """`value` reduced to one path, MISSING where it has none. Lists are gone through: a path names what is in each."""
    if isinstance(value, list):
        found = [_picked(item, path) for item in value]
        return [{} if item is MISSING else item for item in found] if path else value
    if not path:
        return value
    if not isinstance(value, dict) or path[0] not in value:
        return MISSING
    rest = _picked(value[path[0]], path[1:])
    return MISSING if rest is MISSING else {path[0]: rest}


def _merged(kept: Any, more: Any) -> Any:
    if kept is None or more is MISSING:
        return more if kept is None and more is not MISSING else kept
    if isinstance(kept, dict) and isinstance(more, dict):
        return kept | {name: _merged(kept.get(name), value) for name, value in more.items()}
    if isinstance(kept, list) and isinstance(more, list) and len(kept) == len(more):
        return [_merged(one, other) for one, other in zip(kept, more, strict=True)]
    return more


def _capped(result: ToolResult, maximum_bytes: int | None) -> ToolResult:
    if maximum_bytes is None:
        return result
    size = len(msgspec.json.encode([result.content, result.structured]))
    if size <= maximum_bytes:
        return result
    sentence = f"The answer takes {size:,} bytes, and this tool passes on at most {maximum_bytes:,}. Ask for less."
    return text_result(sentence, is_error=True)
