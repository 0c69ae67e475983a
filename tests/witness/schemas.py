"""The published JSON Schemas of MCP, where they are at hand; a validator for each definition, compiled on first use.

Looked for in MCP_SCHEMA_DIR, or else in `shared/schema` beside the checkout or any folder above it: a folder for each
revision, with a `schema.json`.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs

ROOT = Path(__file__).resolve().parents[2]
NEWEST_OF_DRAFT_7 = "2025-06-18"
# Members whose value is not the protocol's to describe: a tenant's, a client's, or an extension's.
OPEN_MEMBERS = frozenset(
    {"_meta", "arguments", "data", "experimental", "extensions", "input", "inputSchema", "metadata", "outputSchema",
     "structuredContent"}
)  # fmt: skip
# GetTaskPayloadResult is whatever the task's request would have returned.
_OPEN_DEFINITIONS = frozenset({"GetTaskPayloadResult", "JSONObject", "MetaObject"})


@functools.cache
def folder() -> Path | None:
    """Where the schemas are, if they are here."""
    named = os.environ.get("MCP_SCHEMA_DIR")
    if named is not None:
        return Path(named) if list(Path(named).glob("*/schema.json")) else None
    beside = (parent / "shared" / "schema" for parent in ROOT.parents)
    return next((place for place in beside if list(place.glob("*/schema.json"))), None)


def has(version: str) -> bool:
    """Whether the schema of a revision is at hand."""
    place = folder()
    return place is not None and (place / version / "schema.json").is_file()


@functools.cache
def definitions(version: str) -> dict[str, Any]:
    """The definitions of a revision, by name, as they are published."""
    place = folder()
    assert place is not None
    document = json.loads((place / version / "schema.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = document.get("$defs") or document["definitions"]
    return found


@functools.cache
def closed_definitions(version: str) -> dict[str, Any]:
    """The same, but an object has no members that its definition does not name: those of later revisions, above all."""
    whole = definitions(version)
    return {
        name: node if name in _OPEN_DEFINITIONS or name.endswith("MetaObject") else _closed(_merged(node, whole))
        for name, node in whole.items()
    }


def _merged(node: Any, whole: dict[str, Any]) -> Any:
    """The node with each `allOf` written out as one object, so that closing it closes all of its parts at once."""
    if isinstance(node, list):
        return [_merged(item, whole) for item in node]
    if not isinstance(node, dict):
        return node
    if "allOf" not in node:
        return {name: _merged(value, whole) for name, value in node.items()}
    one: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for part in node["allOf"]:
        found = _merged(whole[part["$ref"].rpartition("/")[2]] if "$ref" in part else part, whole)
        one["properties"] |= found.get("properties", {})
        one["required"] = sorted({*one["required"], *found.get("required", [])})
    return one


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    shut = {name: _members(value) if name == "properties" else _closed(value) for name, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("additionalProperties", {}) == {}:
        shut["additionalProperties"] = False
    return shut


def _members(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: node if name in OPEN_MEMBERS else _closed(node) for name, node in properties.items()}


@functools.cache
def validator(version: str, names: tuple[str, ...], *, strict: bool) -> jsonschema_rs.Validator:
    """What holds a value to any one of the definitions `names`."""
    keyword = "definitions" if version <= NEWEST_OF_DRAFT_7 else "$defs"
    whole = closed_definitions(version) if strict else definitions(version)
    refs = [{"$ref": f"#/{keyword}/{name}"} for name in names]
    schema = {**(refs[0] if len(refs) == 1 else {"anyOf": refs}), keyword: whole}
    if version <= NEWEST_OF_DRAFT_7:
        return jsonschema_rs.Draft7Validator(schema, offline=True, validate_formats=True)
    return jsonschema_rs.Draft202012Validator(schema, offline=True, validate_formats=True)


@functools.cache
def definition_of(version: str, union: str, method: str) -> str | None:
    """The member of a union (ClientRequest, ServerNotification …) that is for `method`; None where there is none."""
    whole = definitions(version)
    refs = [part["$ref"].rpartition("/")[2] for part in whole.get(union, {}).get("anyOf", [])]
    return next((name for name in refs if whole[name]["properties"]["method"]["const"] == method), None)
