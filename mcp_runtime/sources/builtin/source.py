"""The source `builtin`: `{"function": name}` picks a function of the catalogue, which brings its own schemas."""

from dataclasses import replace
from typing import Any

from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.builtin.function import Function
from mcp_runtime.sources.contract import InstantHandler, InvalidConfig, ToolDraft, ToolHandler, Workshop, detached


class BuiltinSource:
    """Functions that the platform answers itself."""

    kind = "builtin"
    title = "Built-in function"

    def check(self, draft: ToolDraft) -> ToolDraft:
        """The draft with what it left empty taken from the catalogue. Raises InvalidConfig.

        The schemas are always the function's own: it would be called with arguments it does not know otherwise.
        """
        function = _function(draft.config)
        if draft.secrets:
            raise InvalidConfig({"secrets": "A built-in function has no secrets."})
        _require_own_schemas(draft, function)
        return replace(
            draft,
            title=draft.title or function.title,
            description=draft.description or function.description,
            input_schema=function.input_schema,
            output_schema=function.output_schema,
            annotations=draft.annotations or function.annotations,
        )

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The function's handler. Raises InvalidConfig for a function that is not in the catalogue."""
        return detached(tool, InstantHandler(_function(tool.config).answer))


def _function(config: dict[str, Any]) -> Function:
    unknown = {f"config.{name}": "There is no such setting." for name in config if name != "function"}
    if unknown:
        raise InvalidConfig(unknown)
    name = config.get("function")
    function = CATALOGUE.get(name) if isinstance(name, str) else None
    if function is None:
        raise InvalidConfig({"config.function": f"Choose one of {', '.join(CATALOGUE)}."})
    return function


def _require_own_schemas(draft: ToolDraft, function: Function) -> None:
    sentence = f"The function {function.name} has a schema of its own. Leave this empty."
    if draft.input_schema != function.input_schema and not _is_empty(draft.input_schema):
        raise InvalidConfig({"input_schema": sentence})
    if draft.output_schema not in (None, {}, function.output_schema):
        raise InvalidConfig({"output_schema": sentence})


def _is_empty(schema: dict[str, Any]) -> bool:
    return not schema.get("properties") and not schema.keys() - {"type", "properties", "additionalProperties"}
