"""An imported tool as its author wants it: name, texts, schema. Pure; nothing of it reaches the upstream."""

import re
from dataclasses import replace
from typing import Any

from mcp_runtime import schemas
from mcp_runtime.curation.shape import Curation
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft

MAXIMUM_NAME = 64
MAXIMUM_TITLE = 80
MAXIMUM_DESCRIPTION = 4_000
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")

# What an argument's schema may depend on, in any dialect.
_STANDING_BESIDE = ("$schema", "$defs", "definitions")


def public_name(curated: str, prefix: str, name: str) -> str:
    """The name that clients see: what its author chose, or the upstream's own behind the prefix, made to fit."""
    if curated:
        return curated
    fitting = _UNFIT.sub("_", name).strip("_") or "unnamed"
    return f"{prefix}{fitting}"[:MAXIMUM_NAME]


def curated_tool(draft: ToolDraft, curation: Curation, prefix: str) -> ToolDraft:
    """The draft as it is offered. Raises InvalidConfig for an argument that the tool does not have or needs."""
    return replace(
        draft,
        name=public_name(curation.name, prefix, draft.name),
        title=_shortened(draft.title if curation.title is None else curation.title, MAXIMUM_TITLE),
        description=_shortened(
            draft.description if curation.description is None else curation.description, MAXIMUM_DESCRIPTION
        ),
        input_schema=_curated_schema(draft.input_schema, curation),
        # What is left of a projected result is not what the upstream's schema describes.
        output_schema=None if curation.project else draft.output_schema,
        annotations=draft.annotations | curation.annotations,
        task=curation.task,
        calls_per_minute=curation.calls_per_minute,
    )


def fixed_arguments(curation: Curation) -> dict[str, Any]:
    """What is sent with every call whatever the client says."""
    return {name: argument.fixed for name, argument in curation.arguments.items() if argument.is_fixed}


def _curated_schema(schema: dict[str, Any], curation: Curation) -> dict[str, Any]:
    properties = dict(schema.get("properties") or {})
    required = list(schema.get("required") or [])
    for name, argument in curation.arguments.items():
        place = f"curation.arguments.{name}"
        if name not in properties:
            raise InvalidConfig({place: "The tool has no such argument."})
        if argument.is_fixed:
            _require_fits(place, schema, name, argument.fixed)
        elif argument.hidden and name in required:
            raise InvalidConfig({place: "The tool needs this argument: give it a fixed value to hide it."})
        if argument.is_fixed or argument.hidden:
            del properties[name]
            required = [other for other in required if other != name]
        elif argument.description is not None:
            properties[name] = _described(properties[name], argument.description)
    curated = schema | {"properties": properties, "required": required}
    if not required:
        del curated["required"]
    return _with_examples(curated, curation.examples)


def _described(schema: Any, description: str) -> dict[str, Any]:
    return (schema if isinstance(schema, dict) else {}) | {"description": description}


def _require_fits(place: str, schema: dict[str, Any], name: str, value: Any) -> None:
    """The value against the argument's own schema, with the definitions that it may refer to."""
    own = schema["properties"][name]
    alone = (own if isinstance(own, dict) else {}) | {key: schema[key] for key in _STANDING_BESIDE if key in schema}
    try:
        complaints = schemas.describe_errors(schemas.compile_schema(alone), value)
    except schemas.InvalidSchema:
        complaints = []
    if complaints:
        raise InvalidConfig({f"{place}.fixed": "; ".join(complaints)})


def _with_examples(schema: dict[str, Any], examples: list[dict[str, Any]]) -> dict[str, Any]:
    if not examples:
        return schema
    validator = schemas.compile_schema(schema)
    for number, example in enumerate(examples):
        complaints = schemas.describe_errors(validator, example)
        if complaints:
            raise InvalidConfig({f"curation.examples[{number}]": "; ".join(complaints)})
    return schema | {"examples": examples}


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
