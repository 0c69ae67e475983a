"""Supervision trees of tiny real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.supervision.trees import Tree

type TreeMaker = Callable[..., Tree]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[TreeMaker]:
    """Starts a supervision tree: tree(children=[…], strategy=…, intensity=[restarts, seconds])."""
    started: list[Tree] = []

    def start(**description: Any) -> Tree:
        started.append(Tree(tmp_path, **description))
        return started[-1]

    yield start
    for each in started:
        each.close()
