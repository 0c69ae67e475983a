"""Which tests say that they check which requirements: read from their sources, so that no run leaves one out."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.ledger.entries import ROOT


def marked() -> dict[str, set[str]]:
    """Node ids of tests, by the id of the requirement that their marker names."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, identifier in _markers(path):
            found[identifier].add(f"{path.relative_to(ROOT)}::{name}")
    return dict(found)


def _markers(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_requirement(decorator.func):
                    yield from ((node.name, str(ast.literal_eval(argument))) for argument in decorator.args)


def _is_requirement(function: ast.expr) -> bool:
    """`pytest.mark.requirement`, or the same under the short name that the tests give it."""
    if isinstance(function, ast.Attribute):
        return function.attr == "requirement"
    return isinstance(function, ast.Name) and function.id == "requirement"
