"""JSON Schema 2020-12, bounded: tenants write the schemas and strangers the values."""

from typing import Any

import jsonschema_rs
import msgspec

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_DEPTH = 64
MAXIMUM_SUBSCHEMAS = 10_000
# A pattern that needs more steps than this on one value is refused like a value that does not match.
BACKTRACK_LIMIT = 10_000
PATTERN_BYTES = 1024 * 1024
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAXIMUM_REPORTED = 5
MAXIMUM_SENTENCE = 500  # a complaint may quote the whole value


class InvalidSchema(Exception):
    """The schema is not valid JSON Schema 2020-12, or larger than the platform takes; the message says where."""


Validator = jsonschema_rs.Validator


def compile_schema(schema: dict[str, Any]) -> Validator:
    """A validator for `schema`. References are resolved within the schema only, never fetched. Raises InvalidSchema."""
    _require_dialect(schema)
    _require_bounds(schema)
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            validate_formats=True,
            pattern_options=jsonschema_rs.FancyRegexOptions(
                backtrack_limit=BACKTRACK_LIMIT, size_limit=PATTERN_BYTES, dfa_size_limit=PATTERN_BYTES
            ),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise InvalidSchema(str(error).split("\n", 1)[0]) from None


def require_object_schema(schema: object) -> None:
    """Raises InvalidSchema unless `schema` is valid and its root says `"type": "object"`, as a tool's input does."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise InvalidSchema('The schema is a JSON object with "type": "object" at its root.')
    compile_schema(schema)


def describe_errors(validator: Validator, value: object) -> list[str]:
    """What is wrong with `value`, a sentence each, at most MAXIMUM_REPORTED; empty when nothing is."""
    sentences: list[str] = []
    for error in validator.iter_errors(value):
        place = "/".join(str(step) for step in error.instance_path)
        sentence = f"{place}: {error.message}" if place else error.message
        sentences.append(sentence if len(sentence) <= MAXIMUM_SENTENCE else f"{sentence[:MAXIMUM_SENTENCE]}…")
        if len(sentences) == MAXIMUM_REPORTED:
            break
    return sentences


def _require_dialect(schema: dict[str, Any]) -> None:
    dialect = schema.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        raise InvalidSchema(f"Only the dialect {DIALECT} is supported.")


def _require_bounds(schema: dict[str, Any]) -> None:
    try:
        size = len(msgspec.json.encode(schema))
    except (RecursionError, TypeError, ValueError):
        raise InvalidSchema("The schema is not plain JSON.") from None
    if size > MAXIMUM_BYTES:
        raise InvalidSchema(f"The schema is larger than {MAXIMUM_BYTES // 1024} KiB.")
    level: list[Any] = [schema]
    seen = 0
    for _depth in range(MAXIMUM_DEPTH):
        level = [child for node in level for child in _children(node)]
        seen += len(level)
        if seen > MAXIMUM_SUBSCHEMAS:
            raise InvalidSchema(f"The schema has more than {MAXIMUM_SUBSCHEMAS} parts.")
        if not level:
            return
    raise InvalidSchema(f"The schema is nested deeper than {MAXIMUM_DEPTH} levels.")


def _children(node: object) -> list[Any]:
    if isinstance(node, dict):
        return [child for child in node.values() if isinstance(child, dict | list)]
    if isinstance(node, list):
        return [child for child in node if isinstance(child, dict | list)]
    return []
