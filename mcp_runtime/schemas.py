"""JSON Schema, bounded: tenants and strangers write the schemas, and strangers the values.

Without `$schema` it is 2020-12 (2026-07-28/basic/index#json-schema-usage). Earlier dialects are read as what they are:
servers of the TypeScript SDK say draft-07 of every tool of theirs.
"""

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
_DIALECTS: dict[str, type[jsonschema_rs.Validator]] = {
    "json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
    "json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    "json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
    "json-schema.org/draft-06/schema": jsonschema_rs.Draft6Validator,
    "json-schema.org/draft-04/schema": jsonschema_rs.Draft4Validator,
}
MAXIMUM_REPORTED = 5
MAXIMUM_SENTENCE = 500  # a complaint may quote the whole value


class InvalidSchema(Exception):
    """The schema is not valid in its dialect, or larger than the platform takes; the message says where."""


Validator = jsonschema_rs.Validator


def compile_schema(schema: dict[str, Any]) -> Validator:
    """A validator for `schema`. References are resolved within the schema only, never fetched. Raises InvalidSchema."""
    dialect = _dialect(schema)
    _require_bounds(schema)
    try:
        return dialect(
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


def _dialect(schema: dict[str, Any]) -> type[jsonschema_rs.Validator]:
    named = schema.get("$schema", DIALECT)
    # Written with http and with https, with an empty fragment and without.
    plain = str(named).removesuffix("#").removeprefix("https://").removeprefix("http://")
    try:
        return _DIALECTS[plain]
    except KeyError:
        raise InvalidSchema("This dialect of JSON Schema is not known: drafts 4, 6, 7, 2019-09, 2020-12 are.") from None


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
