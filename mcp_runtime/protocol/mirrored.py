"""Parts of the body that 2026-07-28 mirrors in headers: `Mcp-Name`, and arguments annotated with `x-mcp-header`.

Intermediaries route by the header while the tool reads the body, so the two must agree (basic/transports/
streamable-http, server/tools; SEP-2243).
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import PARAMETER_PREFIX, RequestHeaders

ANNOTATION = "x-mcp-header"
MAXIMUM_INTEGER = 2**53 - 1
_PREFIX, _SUFFIX = b"=?base64?", b"?="
_NUMERIC = frozenset("0123456789+-.eE")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Keywords whose value is data or a mere name: an annotation found in there is none.
_DATA = frozenset({"const", "default", "enum", "examples"})
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties"})
_MISSING = object()


class InvalidAnnotation(Exception):
    """An `x-mcp-header` annotation for which clients would drop the whole tool; the message says which and why."""


@dataclass(frozen=True, slots=True)
class MirroredArgument:
    """An argument that clients repeat in the header `header` (lower case); `path` leads to it from the root."""

    header: bytes
    path: tuple[str, ...]


def mirrored_arguments(schema: Mapping[str, Any]) -> tuple[MirroredArgument, ...]:
    """The annotated arguments of an input schema; raises InvalidAnnotation, as server/tools "x-mcp-header" demands."""
    found: dict[bytes, MirroredArgument] = {}
    for path, subschema, reachable in _subschemas(schema, (), reachable=True):
        if ANNOTATION not in subschema:
            continue
        place = "/".join(path) or "the root"
        _require_valid(place, subschema, reachable=reachable and bool(path))
        header = PARAMETER_PREFIX + subschema[ANNOTATION].lower().encode()
        if header in found:
            raise InvalidAnnotation(f"{place}: another argument uses {ANNOTATION} {subschema[ANNOTATION]} already.")
        found[header] = MirroredArgument(header, path)
    return tuple(found.values())


def _require_valid(place: str, subschema: Mapping[str, Any], *, reachable: bool) -> None:
    name = subschema[ANNOTATION]
    if not isinstance(name, str) or not name or not _TOKEN.issuperset(name):
        raise InvalidAnnotation(f"{place}: {ANNOTATION} is a header name of letters, digits and !#$%&'*+-.^_`|~.")
    if not reachable:
        raise InvalidAnnotation(f"{place}: {ANNOTATION} belongs on a property reached through `properties` alone.")
    if subschema.get("type") not in ("string", "integer", "boolean"):
        raise InvalidAnnotation(f"{place}: {ANNOTATION} needs the type string, integer or boolean.")


def _subschemas(
    schema: Mapping[str, Any], path: tuple[str, ...], *, reachable: bool
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    yield path, schema, reachable
    for keyword, value in schema.items():
        if keyword in _DATA:
            continue
        if keyword == "properties" and isinstance(value, dict):
            for name, child in value.items():
                yield from _child(child, (*path, name), reachable=reachable)
        elif keyword in _NAMED and isinstance(value, dict):
            for name, child in value.items():
                yield from _child(child, (*path, keyword, name), reachable=False)
        else:
            for child in value if isinstance(value, list) else (value,):
                yield from _child(child, (*path, keyword), reachable=False)


def _child(
    child: Any, path: tuple[str, ...], *, reachable: bool
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    if isinstance(child, dict):
        yield from _subschemas(child, path, reachable=reachable)


def decode_value(header: str, raw: bytes) -> str:
    """What a header value says, `=?base64?…?=` undone; raises RpcError(HEADER_MISMATCH) where it is undecodable."""
    raw = raw.strip(b" \t")
    if raw.startswith(_PREFIX) and raw.endswith(_SUFFIX) and len(raw) >= len(_PREFIX) + len(_SUFFIX):
        try:
            return base64.b64decode(raw[len(_PREFIX) : -len(_SUFFIX)], validate=True).decode()
        except ValueError:
            raise _mismatch(header) from None
    text = raw.decode("latin-1")
    if not text.isascii() or not text.replace("\t", " ").isprintable():
        raise _mismatch(header)
    return text


def encode_value(text: str) -> str:
    """The header value that says `text`: as it is where a header can carry it, `=?base64?…?=` otherwise."""
    plain = text.isascii() and text.replace("\t", " ").isprintable() and text == text.strip(" \t")
    if plain and not text.startswith(_PREFIX.decode()):
        return text
    return (_PREFIX + base64.b64encode(text.encode()) + _SUFFIX).decode()


def argument_headers(mirrored: tuple[MirroredArgument, ...], arguments: Mapping[str, Any]) -> dict[str, str]:
    """The headers that repeat the annotated arguments of a call; those that are absent or null have none."""
    headers: dict[str, str] = {}
    for argument in mirrored:
        value = _value_at(argument.path, arguments)
        if value is not _MISSING:
            text = ("true" if value else "false") if isinstance(value, bool) else str(value)
            headers[argument.header.decode()] = encode_value(text)
    return headers


def check_name(raw: bytes | None, expected: Any) -> None:
    """Raises RpcError(HEADER_MISMATCH) unless `Mcp-Name` says `expected`; a name the body lacks too is not ours."""
    if raw is None:
        if not isinstance(expected, str):
            return
    elif (raw.isalnum() and raw.decode() == expected) or decode_value("Mcp-Name", raw) == expected:
        return
    raise _mismatch("Mcp-Name")


def check_arguments(mirrored: tuple[MirroredArgument, ...], headers: RequestHeaders, arguments: dict[str, Any]) -> None:
    """Raises RpcError(HEADER_MISMATCH) unless each annotated argument and its header agree."""
    for argument in mirrored:
        value = _value_at(argument.path, arguments)
        raw = headers.get(argument.header)
        name = argument.header.decode()
        if argument.header in headers.repeated or (raw is None) != (value is _MISSING):
            raise _mismatch(name)
        if raw is not None and not _agree(decode_value(name, raw), value):
            raise _mismatch(name)


def _value_at(path: tuple[str, ...], arguments: Any) -> Any:
    value = arguments
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return _MISSING if value is None else value


def _agree(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        return _number(text) == value
    return bool(text == value)


def _number(text: str) -> int | float | None:
    if not text or text[0] == "+" or not _NUMERIC.issuperset(text):
        return None
    try:
        number = int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return None
    return number if -MAXIMUM_INTEGER <= number <= MAXIMUM_INTEGER else None


def _mismatch(header: str) -> RpcError:
    return RpcError(errors.HEADER_MISMATCH, f"Header mismatch: {header} does not say what the body says.")
