"""A service's schema: asked for by introspection or uploaded, and in both cases bounded before it is believed."""

from typing import Any

import graphql
import msgspec

SDL_BYTES = 4 * 1024 * 1024
SDL_TOKENS = 1_000_000
INTROSPECTION_BYTES = 8 * 1024 * 1024
TYPES = 10_000
ENTRIES = 100_000  # fields, arguments, input fields, enum values and members of unions, together
MEMBERS = ("fields", "inputFields", "enumValues", "possibleTypes", "interfaces")
QUESTION = graphql.get_introspection_query(descriptions=True)


class InvalidGraph(Exception):
    """The schema cannot be used; the message says why."""


def read_upload(material: bytes) -> graphql.GraphQLSchema:
    """The schema of an uploaded document: SDL, or the JSON of an introspection. Raises InvalidGraph."""
    if len(material) > (INTROSPECTION_BYTES if _is_json(material) else SDL_BYTES):
        raise InvalidGraph("The schema is too large.")
    if _is_json(material):
        return read_introspection(decoded(material))
    try:
        text = material.decode()
        return _checked(graphql.build_schema(text, no_location=True, max_tokens=SDL_TOKENS))
    except UnicodeDecodeError:
        raise InvalidGraph("The schema is not UTF-8.") from None
    except RecursionError:
        raise InvalidGraph("The schema is nested too deeply.") from None
    except (graphql.GraphQLError, TypeError) as error:
        raise InvalidGraph(f"This is no GraphQL schema: {_sentence(error)}") from None


def _is_json(material: bytes) -> bool:
    return material.lstrip()[:1] == b"{"


def decoded(material: bytes) -> Any:
    """The JSON value. Raises InvalidGraph."""
    try:
        return msgspec.json.decode(material)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidGraph("The schema is not JSON that can be read.") from None


def read_introspection(answer: Any) -> graphql.GraphQLSchema:
    """The schema of an introspection's answer, with or without `data` about it. Raises InvalidGraph."""
    inner = answer.get("data", answer) if isinstance(answer, dict) else None
    schema = inner.get("__schema") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(schema, dict):
        raise InvalidGraph("The answer holds no schema.")
    _require_bounds(schema.get("types"))
    try:
        return _checked(graphql.build_client_schema({"__schema": schema}))  # type: ignore[typeddict-item]  # checked there
    except RecursionError:
        raise InvalidGraph("The schema is nested too deeply.") from None
    except (graphql.GraphQLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise InvalidGraph(f"The answer is no GraphQL schema: {_sentence(error)}") from None


def _require_bounds(types: Any) -> None:
    if not isinstance(types, list) or not all(isinstance(kind, dict) for kind in types):
        raise InvalidGraph("The answer holds no types.")
    entries = sum(_entries(kind) for kind in types)
    if len(types) > TYPES or entries > ENTRIES:
        raise InvalidGraph(f"The schema has more than {TYPES} types or {ENTRIES} fields.")


def _entries(kind: dict[str, Any]) -> int:
    lists = [kind[member] for member in MEMBERS if isinstance(kind.get(member), list)]
    fields = [entry for entries in lists for entry in entries if isinstance(entry, dict)]
    arguments = [entry["args"] for entry in fields if isinstance(entry.get("args"), list)]
    return sum(map(len, lists)) + sum(map(len, arguments))


def _checked(schema: graphql.GraphQLSchema) -> graphql.GraphQLSchema:
    errors = graphql.validate_schema(schema)
    if errors:
        raise InvalidGraph(f"The schema is not valid: {_sentence(errors[0])}")
    return schema


def _sentence(error: Exception) -> str:
    text = error.message if isinstance(error, graphql.GraphQLError) else str(error)
    return "".join(character if character.isprintable() else " " for character in text)[:300]
