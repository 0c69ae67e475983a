"""Texts with `{name}` in them: what an author writes where a value belongs."""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """A copy of a JSON value in which each `{name}` of its strings is the value of that name; unknown names stay."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
    if isinstance(template, dict):
        return {name: fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    return template


def beginning_with(typed: str, values: list[str]) -> list[str]:
    """The values that begin with what was typed, whatever the case."""
    return [value for value in values if value.casefold().startswith(typed.casefold())]
