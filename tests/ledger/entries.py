"""The requirements of the protocol, as data: a TOML file for each area, a table for each requirement, by its id.

[an-id]
text = "What is required, in a sentence."
spec = "2026-07-28/basic/index#error-codes"       page and section under docs/specification, or an extension's
level = "MUST"                                     the key word of RFC 2119 that the text uses
revisions = "2025-06-18.."                         single revisions and ranges of them, with commas; "all"
covers = ["tools/call", "-32602"]                  methods, notifications, headers and codes that it is about
tests = ["tests/…/test_x.py::test_y"]              which carry `@pytest.mark.requirement("an-id")`
divergence = "Why we do otherwise."                or how we read a text that is of two minds
"""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
# All that were published, in order.
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
LEVELS = frozenset({"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "OWN"})  # OWN: the platform's own promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement. It has tests, or says in `divergence` why there are none."""

    id: str
    area: str
    text: str
    spec: str
    level: str
    revisions: tuple[str, ...]
    covers: frozenset[str]
    tests: tuple[str, ...]
    divergence: str


@dataclass(frozen=True, slots=True)
class Area:
    """What one file is about."""

    name: str
    title: str
    requirements: tuple[Requirement, ...]


@functools.cache
def areas() -> tuple[Area, ...]:
    """Every area, in the order that its file says."""
    read = [(path.stem, tomllib.loads(path.read_text(encoding="utf-8"))) for path in FOLDER.glob("*.toml")]
    return tuple(_area(name, table) for name, table in sorted(read, key=lambda pair: pair[1]["order"]))


@functools.cache
def requirements() -> dict[str, Requirement]:
    """Every requirement, by its id."""
    found = {entry.id: entry for area in areas() for entry in area.requirements}
    assert len(found) == sum(len(area.requirements) for area in areas()), "an id stands in two files"
    return found


def _area(name: str, table: dict[str, Any]) -> Area:
    entries = tuple(_requirement(key, name, value) for key, value in table.items() if isinstance(value, dict))
    return Area(name, table["title"], entries)


def _requirement(name: str, area: str, table: dict[str, Any]) -> Requirement:
    known = {"text", "spec", "level", "revisions", "covers", "tests", "divergence"}
    assert set(table) <= known, f"{name}: {sorted(set(table) - known)}"
    return Requirement(
        id=name,
        area=area,
        text=table["text"],
        spec=table["spec"],
        level=table["level"],
        revisions=revisions_of(table["revisions"]),
        covers=frozenset(table.get("covers", ())),
        tests=tuple(table.get("tests", ())),
        divergence=table.get("divergence", ""),
    )


def revisions_of(stated: str) -> tuple[str, ...]:
    """The revisions that "all" names, or a list of single ones and ranges ("2024-11-05, 2025-06-18..")."""
    if stated == "all":
        return REVISIONS
    return tuple(revision for part in stated.split(", ") for revision in _range(part))


def _range(stated: str) -> tuple[str, ...]:
    first, dots, last = stated.partition("..")
    low = REVISIONS.index(first) if first else 0
    high = REVISIONS.index(last) if last else len(REVISIONS) - 1 if dots else low
    return REVISIONS[low : high + 1]
