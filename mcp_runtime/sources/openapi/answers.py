"""What a document promises of an operation's answers, where it can be held to it."""

from typing import Any

import msgspec

from mcp_runtime import schemas
from mcp_runtime.sources.openapi.bodies import kind_of
from mcp_runtime.sources.openapi.document import Document, Unusable
from mcp_runtime.sources.openapi.schema_writing import Schema, SchemaWriter

MAXIMUM_BYTES = 32 * 1024  # clients read it with every list
MAXIMUM_DEPTH = 8


def answer_schema(writer: SchemaWriter, responses: dict[str, Any]) -> Schema | None:
    """The schema of every successful answer; None unless each of them is JSON, an object, and described alike."""
    try:
        given = _promised(writer.document, responses)
        if given is None or not _is_object(writer.document, given, MAXIMUM_DEPTH):
            return None
        return _written(writer, given)
    except (Unusable, schemas.InvalidSchema):
        return None


def _written(writer: SchemaWriter, given: dict[str, Any]) -> Schema | None:
    schema, references = writer.written(given)
    if "$ref" in schema:
        # A schema that is nothing but a reference says at its root what it refers to, as clients look for "type" there.
        definition = writer.definition(references[0])
        schema, references = definition.schema, definition.references
    schema = schema | {"type": "object"}
    if references:
        schema["$defs"] = writer.definitions(references)
    if len(msgspec.json.encode(schema)) > MAXIMUM_BYTES:
        return None
    schemas.require_object_schema(schema)
    return schema


def _promised(document: Document, responses: dict[str, Any]) -> dict[str, Any] | None:
    successes = [response for status, response in responses.items() if str(status).startswith("2")]
    found: list[Any] = []
    for response in successes:
        content = document.followed(response).get("content")
        if not isinstance(content, dict) or not content or any(kind_of(name) != "json" for name in content):
            return None
        found += [entry.get("schema") if isinstance(entry, dict) else None for entry in content.values()]
    if not found or not isinstance(found[0], dict) or any(schema != found[0] for schema in found):
        return None
    return found[0]


def _is_object(document: Document, schema: Any, depth: int) -> bool:
    """Whether every value that the schema takes is an object, as far as it says so."""
    if not depth or not isinstance(schema, dict):
        return False
    schema = document.followed(schema)
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        return False
    if "type" in schema:
        return bool(schema["type"] == "object")
    if isinstance(schema.get("properties"), dict):
        return True
    parts = schema.get("allOf")
    return isinstance(parts, list) and any(_is_object(document, part, depth - 1) for part in parts)
