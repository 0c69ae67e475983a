"""The attack list names tests that there are, and every test of this folder stands in it."""

import ast
from pathlib import Path

from tests.attacks.catalogue import TESTS, catalogue, named


def _defined(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name for node in functions if node.name.startswith("test_")}


def test_every_attack_is_tried_by_tests_that_there_are() -> None:
    tests = named(catalogue())
    defined = {file: _defined(TESTS / file) for file in {test.partition("::")[0] for test in tests}}
    assert not [test for test in tests if test.partition("::")[2] not in defined[test.partition("::")[0]]]


def test_every_test_of_an_attack_stands_in_the_list() -> None:
    tests = named(catalogue())
    here = {
        f"attacks/{file.name}::{name}"
        for file in (TESTS / "attacks").glob("test_*.py")
        for name in _defined(file)
        if file.name != Path(__file__).name
    }
    assert here <= tests
