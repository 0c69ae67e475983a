"""Plain scalars of YAML as the values that JSON has: the core schema of YAML 1.2.

PyYAML's own constructors read YAML 1.1, where `no` is false and a date is no text.
"""

import math
import re
from typing import Any

MAXIMUM_DIGITS = 32

# YAML 1.2 section 10.3.2, "Tag Resolution".
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class NotJson(ValueError):
    """The scalar is a number that JSON does not have; the message says so."""


def plain_value(text: str) -> Any:
    """The null, boolean, number or text that a plain (unquoted) scalar is. Raises NotJson."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "-+.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Any:
    if _NOT_JSON.fullmatch(text):
        raise NotJson(f"{text} is not a number that JSON has.")
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if not _FLOAT.fullmatch(text):
        return text
    if not math.isfinite(number := float(text)):
        raise NotJson("Numbers are finite.")
    return number


def _integer(text: str) -> int:
    if len(text) > MAXIMUM_DIGITS:
        raise NotJson(f"Integers have at most {MAXIMUM_DIGITS} digits.")
    return int(text, 0 if text.startswith(("0o", "0x")) else 10)
