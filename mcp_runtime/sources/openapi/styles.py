"""How arguments are written into requests: OpenAPI's styles, each value encoded for the place that it goes to.

Nothing in a value can end the place that it is in: a path keeps its segments, a query its parameters, a header its
line (OpenAPI 3.1, "Style Values" and "Style Examples"; RFC 6570).
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from mcp_runtime.sources.http.encoding import encoded_for_path, percent_encoded
from mcp_runtime.sources.http.template import BadArgument, as_text
from mcp_runtime.sources.openapi.operation import Style

MAXIMUM_DEPTH = 16
MAXIMUM_PAIRS = 10_000
# Reserved characters that cannot end a value in a query, whichever way it is read (RFC 3986 section 2.2).
RESERVED_IN_VALUES = ":/?@!$'()*,;"
_SEPARATORS = {
    "form": ",", "simple": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C", "tabDelimited": "%09",
}  # fmt: skip

type Pairs = list[tuple[str, str]]


def json_text(name: str, value: Any) -> str:
    """The value as JSON. Raises BadArgument."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        raise BadArgument(f"{name} holds a text or a number that JSON cannot hold.") from None


def single(name: str, value: Any) -> str:
    """One value as a text; lists and objects within lists and objects, for which no style has a form, as JSON."""
    return json_text(name, value) if isinstance(value, dict | list) or value is None else as_text(name, value)


def path_segment(name: str, value: Any, style: Style, *, explode: bool) -> str:
    """An argument as the part of a path that its variable stands for. Raises BadArgument."""
    if value in ([], {}):
        raise BadArgument(f"{name} is empty, and is part of the address.")
    if style == "json":
        return encoded_for_path(name, json_text(name, value))
    if style == "matrix":
        return _matrix(name, value, explode=explode)
    separator = "." if style == "label" and explode else ","
    text = separator.join(_members(name, value, explode=explode)) if isinstance(value, dict) else ""
    if isinstance(value, list):
        text = separator.join(encoded_for_path(name, single(name, item)) for item in value)
    elif not isinstance(value, dict):
        text = encoded_for_path(name, single(name, value))
    return f".{text}" if style == "label" else text


def _members(name: str, value: dict[str, Any], *, explode: bool) -> list[str]:
    pairs = [
        (encoded_for_path(name, key), encoded_for_path(name, single(name, member))) for key, member in value.items()
    ]
    return [f"{key}={member}" for key, member in pairs] if explode else [text for pair in pairs for text in pair]


def _matrix(name: str, value: Any, *, explode: bool) -> str:
    key = percent_encoded(name, name)
    if isinstance(value, dict):
        members = _members(name, value, explode=explode)
        return "".join(f";{member}" for member in members) if explode else f";{key}={','.join(members)}"
    items = [encoded_for_path(name, single(name, item)) for item in (value if isinstance(value, list) else [value])]
    return "".join(f";{key}={item}" for item in items) if explode else f";{key}={','.join(items)}"


def query_pairs(
    name: str, value: Any, style: Style, *, explode: bool, allow_reserved: bool = False
) -> list[tuple[str, str]]:
    """Pairs of a query or a form, percent-encoded. A list or an object of nothing has none. Raises BadArgument."""
    safe = RESERVED_IN_VALUES if allow_reserved else ""
    key = _encoded(name, name)
    if style == "json":
        return [(key, _encoded(name, json_text(name, value), safe))]
    if isinstance(value, dict | list) and style == "deepObject":
        return [(_encoded(name, path), _encoded(name, text, safe)) for path, text in _deep(name, value)]
    if isinstance(value, dict):
        return _object_pairs(name, value, style, explode=explode, safe=safe)
    if isinstance(value, list):
        items = [_encoded(name, single(name, item), safe) for item in value]
        return [(key, item) for item in items] if explode else _joined(key, items, style)
    return [(key, _encoded(name, single(name, value), safe))]


def _object_pairs(name: str, value: dict[str, Any], style: Style, *, explode: bool, safe: str) -> Pairs:
    pairs = [(_encoded(name, key), _encoded(name, single(name, member), safe)) for key, member in value.items()]
    return pairs if explode else _joined(_encoded(name, name), [text for pair in pairs for text in pair], style)


def _joined(key: str, items: list[str], style: Style) -> Pairs:
    return [(key, _SEPARATORS.get(style, ",").join(items))] if items else []


def _encoded(name: str, text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise BadArgument(f"{name} is not valid Unicode.") from None


def _deep(name: str, value: Any) -> Pairs:
    pairs: Pairs = []
    for pair in _walked(name, name, value, MAXIMUM_DEPTH):
        pairs.append(pair)
        if len(pairs) > MAXIMUM_PAIRS:
            raise BadArgument(f"{name} has more than {MAXIMUM_PAIRS:,} values.")
    return pairs


def _walked(name: str, path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if not depth:
        raise BadArgument(f"{name} is nested deeper than {MAXIMUM_DEPTH} levels.")
    if isinstance(value, dict):
        members: list[tuple[str, Any]] = list(value.items())
    elif isinstance(value, list):
        members = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield path, "" if value is None else single(name, value)
        return
    for key, member in members:
        yield from _walked(name, f"{path}[{key}]", member, depth - 1)


def header_value(name: str, value: Any, style: Style, *, explode: bool) -> str:
    """An argument as the value of a header: printable ASCII, in one line. Raises BadArgument."""
    if style == "json":
        text = json_text(name, value)
    elif isinstance(value, dict):
        pairs = [(key, single(name, member)) for key, member in value.items()]
        text = ",".join(f"{key}={member}" if explode else f"{key},{member}" for key, member in pairs)
    elif isinstance(value, list):
        text = ",".join(single(name, item) for item in value)
    else:
        text = single(name, value)
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise BadArgument(f"{name} goes into a header, which takes printable ASCII only, without spaces at its ends.")
    return text
