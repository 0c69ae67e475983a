"""JSON as a strict reader of the standard library sees it: what the runtime's decoder is measured against."""

import contextlib
import json
import json.decoder
import json.scanner
import math
from typing import Any

MAXIMUM_DEPTH = 64


class NotStrict(ValueError):
    """Not JSON that two readers would read alike."""


def read(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259) in UTF-8.

    Raises NotStrict for whatever is no JSON, a name used twice in one object, a number beyond every float or of more
    digits than Python reads, a lone surrogate, and nesting deeper than MAXIMUM_DEPTH.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
        _require_plain(value)
    except (ValueError, RecursionError) as error:
        raise NotStrict(str(error)) from None
    return value


def walk(body: bytes) -> None:
    """Reads once more, in Python: a fuzzer that is guided by coverage sees nothing of the reader in C."""
    with contextlib.suppress(ValueError, RecursionError):
        _Walker().decode(body.decode())


class _Walker(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__()
        self.parse_string = json.decoder.py_scanstring  # type: ignore[attr-defined]  # not in the library's stubs
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are three different ones."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _refuse(constant: str) -> float:
    raise NotStrict(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrict(text)
    return number


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise NotStrict("a name is used twice")
    return found


def _require_plain(value: Any) -> None:
    level, depth = [value], 0
    while level:
        for node in level:
            if isinstance(node, str):
                node.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
        depth += any(isinstance(node, dict | list) for node in level)
        if depth > MAXIMUM_DEPTH:
            raise NotStrict("nested too deep")
        level = [child for node in level for child in _children(node)]


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node, *node.values()]
    return node if isinstance(node, list) else []
