"""Texts with `{name}` in them: what an author writes where a value belongs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.sources.contract import InvalidConfig

MAXIMUM_CHARACTERS = 1024 * 1024
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_PLACEHOLDER = re.compile(rf"\{{({_NAME})\}}")


def is_name(text: str) -> bool:
    """Whether `{text}` is a placeholder."""
    return re.fullmatch(_NAME, text) is not None


def without(template: str) -> str:
    """The text with a letter in each placeholder's stead: what a check of its form can look at."""
    return _PLACEHOLDER.sub("x", template)


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """A copy of a JSON value in which each `{name}` of its strings is the value of that name; unknown names stay.

    Raises Refused(BODY_TOO_LARGE) for values that would make it larger than MAXIMUM_CHARACTERS: a name may occur
    thousands of times in a template, and its value be as long as a request.
    """
    if _growth(template, values) > MAXIMUM_CHARACTERS:
        raise Refused(refusals.BODY_TOO_LARGE, "With values as long as these the text would be too long.")
    return _filled(template, values)


def _growth(template: Any, values: Mapping[str, str]) -> int:
    """How many characters of values `fill` would write."""
    if isinstance(template, str):
        return sum(len(values.get(found[1], "")) for found in _PLACEHOLDER.finditer(template))
    children = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    return sum(_growth(child, values) for child in children)


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
    if isinstance(template, dict):
        return {name: _filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    return template


def beginning_with(typed: str, values: list[str]) -> list[str]:
    """The values that begin with what was typed, whatever the case."""
    return [value for value in values if value.casefold().startswith(typed.casefold())]


def require_proposals(completions: dict[str, list[str]], names: Iterable[str]) -> None:
    """Raises InvalidConfig for proposals that are not of one of `names`, or that no client could show in a list."""
    known = set(names)
    for name, values in completions.items():
        if name not in known:
            raise InvalidConfig({f"config.completions.{name}": "There is nothing of this name to complete."})
        if any(not value.strip() or len(value.splitlines()) > 1 for value in values):
            raise InvalidConfig({f"config.completions.{name}": "Each value is a line of text."})
