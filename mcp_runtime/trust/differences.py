"""Two definitions of the same thing, and how the later differs, line by line: what a person reads before approving."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mcp_runtime.trust.texts import made_visible

# Beyond this many lines in which two values differ they are shown as a whole, one after the other: looking for what is
# alike takes time in the square of them.
MAXIMUM_COMPARED = 1_000
MAXIMUM_SHOWN = 2_000
CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """A member of a definition that differs.

    Each line begins with "-" or "+", with a space where it is unchanged, and with "@" where some are left out.
    """

    member: str
    lines: list[str]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """The members that differ, those of `before` first."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        Difference(name, _compared(_lines(before.get(name)), _lines(after.get(name))))
        for name in names
        if before.get(name) != after.get(name)
    ]


def as_lines(document: dict[str, Any]) -> list[Difference]:
    """A definition that there is nothing to compare with, member by member, in the same shape."""
    return [
        Difference(name, [f" {line}" for line in _lines(value)][:MAXIMUM_SHOWN]) for name, value in document.items()
    ]


def _lines(value: Any) -> list[str]:
    """A text by its lines, anything else as indented JSON; what is not seen is written out."""
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return [made_visible(line) for line in text.split("\n")]


def _compared(before: list[str], after: list[str]) -> list[str]:
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    lead, trail = before[:start], before[len(before) - end :]
    middle = _changed(old, new)
    return [*_tail(lead), *middle, *_head(trail)][:MAXIMUM_SHOWN]


def _changed(old: list[str], new: list[str]) -> list[str]:
    if max(len(old), len(new)) > MAXIMUM_COMPARED:
        return [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return list(_steps(old, new))


def _steps(old: list[str], new: list[str]) -> Iterator[str]:
    for kind, one, one_end, other, other_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from _shortened([f" {line}" for line in old[one:one_end]])
            continue
        yield from (f"-{line}" for line in old[one:one_end])
        yield from (f"+{line}" for line in new[other:other_end])


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= 2 * CONTEXT + 1:
        return lines
    return [*lines[:CONTEXT], _gap(len(lines) - 2 * CONTEXT), *lines[-CONTEXT:]]


def _tail(lines: list[str]) -> list[str]:
    kept = [f" {line}" for line in lines[-CONTEXT:]]
    return [_gap(len(lines) - CONTEXT), *kept] if len(lines) > CONTEXT else kept


def _head(lines: list[str]) -> list[str]:
    kept = [f" {line}" for line in lines[:CONTEXT]]
    return [*kept, _gap(len(lines) - CONTEXT)] if len(lines) > CONTEXT else kept


def _gap(number: int) -> str:
    return f"@{number:,} unchanged line{'' if number == 1 else 's'}"


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same in both."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (mine, yours) in enumerate(pairs) if mine != yours), min(len(one), len(other)))
