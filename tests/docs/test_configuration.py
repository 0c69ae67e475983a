"""docs/configuration.md names every variable of the environment that the code reads, and none that it does not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
PACKAGES = ("platform", "console", "mcp_runtime", "billing", "tenants")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*")
# Passed from one of our processes to another, never set by whoever runs the platform.
INTERNAL = {"ARMSTRONG_HEARTBEAT", "DJANGO_SETTINGS_MODULE", "OPS_URL"}
# Words in capitals that are HTTP methods and settings of Django.
OTHER_WORDS = {"DELETE", "GET", "HEAD", "OPTIONS", "POST"}


def _read_by_python() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "environ" in text:
                yield from _variables(ast.parse(text))


def _variables(tree: ast.AST) -> Iterator[str]:
    """Names handed to a function, or looked up, in a module that reads the environment."""
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        found: ast.expr | None = node.args[0] if isinstance(node, ast.Call) and node.args else None
        if isinstance(node, ast.Subscript):
            found = node.slice
        if isinstance(found, ast.Name):
            found = constants.get(found.id)
        if isinstance(found, ast.Constant) and isinstance(found.value, str) and VARIABLE.fullmatch(found.value):
            yield found.value


def _constants(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _read_by_scripts() -> Iterator[str]:
    for script in (*(ROOT / "scripts").glob("*.sh"), ROOT / "docker" / "compose.yaml"):
        yield from re.findall(r"\$\{((?:ARMSTRONG|PYENV)_[A-Z_]+)", script.read_text(encoding="utf-8"))


def _documented() -> set[str]:
    rows = re.findall(r"^\| `([A-Z0-9_]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows)), "a variable stands twice"
    return set(rows)


def test_every_variable_that_is_read_is_documented() -> None:
    assert {*_read_by_python(), *_read_by_scripts()} - INTERNAL - OTHER_WORDS - _documented() == set()


def test_every_documented_variable_is_read() -> None:
    assert _documented() - {*_read_by_python(), *_read_by_scripts()} == set()
