"""Stripe's form encoding: `items[0][price]=…` as nested mappings. Lists are mappings of numbers until checked."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.stripe_simulator.faults import invalid

_KEY = re.compile(r"\A([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """The parameters of a body or a query string. Raises Fault for a key that cannot be read, or that is two things."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        _put(found, _path(key), value, key)
    return found


def _path(key: str) -> list[str]:
    if (read := _KEY.match(key)) is None:
        raise invalid(f"Invalid parameter name: {key}", param=key)
    return [read[1], *_PART.findall(read[2])]


def _put(found: dict[str, Any], path: list[str], value: str, key: str) -> None:
    for part in path[:-1]:
        found = found.setdefault(part or str(len(found)), {})
        if not isinstance(found, dict):
            raise invalid(f"Invalid parameter: {key} is a value and a hash at once", param=key)
    found[path[-1] or str(len(found))] = value
