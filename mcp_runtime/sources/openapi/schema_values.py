"""Keywords of schemas as JSON Schema 2020-12 has them, out of what people write in their place."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from mcp_runtime import schemas

MAXIMUM_TEXT = 1_000
MAXIMUM_ENUM = 500
MAXIMUM_EXAMPLE_BYTES = 200
MAXIMUM_PATTERN = 1_000
LARGEST_EXACT = 2**53
LEAST_STORED, LARGEST_STORED = -(2**63), 2**63 - 1

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
# What documents say where they mean one of these.
_MEANT = {
    "str": "string", "text": "string", "char": "string", "uuid": "string", "date": "string", "datetime": "string",
    "date-time": "string", "timestamp": "string", "email": "string", "uri": "string", "url": "string",
    "enum": "string", "byte": "string", "binary": "string", "file": "string", "guid": "string", "password": "string",
    "int": "integer", "int32": "integer", "int64": "integer", "long": "integer", "short": "integer",
    "float": "number", "double": "number", "decimal": "number", "numeric": "number",
    "bool": "boolean", "list": "array", "map": "object", "dict": "object", "hash": "object", "json": "object",
}  # fmt: skip
# Formats that our validator holds values to more strictly than services do ("10:00" is a time for most).
_LOOSE_FORMATS = frozenset({"time", "duration", "regex", "hostname", "uri-template", "iri", "idn-hostname"})
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "number": (int, float), "integer": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip


def types_of(value: Any) -> list[str]:
    """The types that `type` names, in the standard's words; empty where it says nothing that can be held to."""
    given = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in given):
        return []
    names = [name if name in TYPES else _MEANT.get(name.lower(), name.lower()) for name in given]
    return list(dict.fromkeys(names)) if TYPES.issuperset(names) else []


def text_of(value: Any, limit: int = MAXIMUM_TEXT) -> str:
    """A description as a text of bounded length; empty for what is none."""
    if not isinstance(value, str):
        return ""
    text = value.replace("\x00", "").strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def number_of(value: Any) -> int | float | None:
    """A bound that any implementation of JSON carries; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > LARGEST_EXACT:
        return _nearest(value)
    return value


def _nearest(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def count_of(value: Any) -> int | None:
    """A length or a number of entries; None for what is none."""
    number = number_of(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def multiple_of(value: Any) -> int | float | None:
    """What a number has to be a multiple of; None for what cannot be."""
    number = number_of(value)
    return number if number is not None and number > 0 else None


def flag_of(value: Any) -> bool | None:
    """True, or nothing: False is what every flag is by itself."""
    return True if value is True else None


def pattern_of(value: Any) -> str | None:
    """A regular expression that our validator compiles; None for any other, as of another language."""
    return value if isinstance(value, str) and _compiles(value) else None


@lru_cache(maxsize=4096)
def _compiles(pattern: str) -> bool:
    if len(pattern) > MAXIMUM_PATTERN:
        return False
    try:
        schemas.compile_schema({"pattern": pattern})
    except schemas.InvalidSchema:
        return False
    return True


def format_of(value: Any) -> str | None:
    """A format, but for those that services take more loosely than the standard."""
    return value if isinstance(value, str) and len(value) <= MAXIMUM_TEXT and value not in _LOOSE_FORMATS else None


def names_of(value: Any) -> list[str] | None:
    """Names of properties, each once; None where there are none."""
    names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
    return list(dict.fromkeys(names)) or None


def enum_of(value: Any) -> list[Any] | None:
    """The values, each once; None where there are none or too many to be told."""
    if not isinstance(value, list) or not 0 < len(value) <= MAXIMUM_ENUM:
        return None
    by_spelling = {_spelled(entry): entry for entry in value}
    return list(by_spelling.values()) if "" not in by_spelling else None


def examples_of(value: Any) -> list[Any] | None:
    """One short example; None where there is none."""
    spelled = _spelled(value)
    return [value] if spelled and len(spelled) <= MAXIMUM_EXAMPLE_BYTES else None


def _spelled(value: Any) -> str:
    """The value as JSON; empty where it is none that can be stored and sent."""
    try:
        return msgspec.json.encode(value).decode() if _is_carried(value) else ""
    except (OverflowError, ValueError, TypeError, RecursionError):
        return ""


def _is_carried(value: Any) -> bool:
    """Whether all integers have at most 64 bits."""
    if isinstance(value, dict | list):
        return all(_is_carried(child) for child in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int) or LEAST_STORED <= value <= LARGEST_STORED


def fits(value: Any, types: list[str]) -> bool:
    """Whether a value is of one of these types; a boolean is no number."""
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, _PYTHON_TYPES[name]) for name in types)


# The keywords whose value is no schema, in the order in which they are written.
PLAIN: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: text_of(value, 200) or None,
    "description": lambda value: text_of(value) or None,
    "format": format_of,
    "pattern": pattern_of,
    "minimum": number_of,
    "maximum": number_of,
    "multipleOf": multiple_of,
    "minLength": count_of,
    "maxLength": count_of,
    "minItems": count_of,
    "maxItems": count_of,
    "uniqueItems": flag_of,
    "minProperties": count_of,
    "maxProperties": count_of,
    "required": names_of,
    "deprecated": flag_of,
    "contentMediaType": lambda value: value if isinstance(value, str) else None,
    "contentEncoding": lambda value: value if isinstance(value, str) else None,
}
# Those that say what a value is about and not how it has to be: all that is kept of what services answer.
DESCRIBING = frozenset({"title", "description", "deprecated"})
