"""The attack list as data (catalogue.toml), and how many cases its tests are."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
type Catalogue = dict[str, dict[str, list[str]]]


def catalogue() -> Catalogue:
    """For each area its attacks, each with the tests that try it."""
    return tomllib.loads((TESTS / "attacks" / "catalogue.toml").read_text(encoding="utf-8"))


def named(attacks: Catalogue) -> set[str]:
    """Every test that is named."""
    return {test for area in attacks.values() for tests in area.values() for test in tests}


class Counted:
    """A plugin of pytest that counts what is collected, by test."""

    def __init__(self) -> None:
        self.cases: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Once everything is collected."""
        self.cases.update(item.nodeid.partition("[")[0].removeprefix("tests/") for item in items)
