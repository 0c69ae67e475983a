"""Fails when a function is over 50 lines, a file over 400, or an import hides inside a function."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES = 50
FILE_LINES = 400
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager"}


def sources() -> list[Path]:
    """Every Python file of the checkout but generated migrations."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(name) for name in listed.stdout.split() if "/migrations/" not in name and Path(name).exists()]


def complaints(path: Path) -> Iterator[str]:
    """What is wrong with one file, a line each."""
    text = path.read_text(encoding="utf-8")
    if (lines := text.count("\n")) > FILE_LINES:
        yield f"{path}: {lines} lines (limit {FILE_LINES}): split it by noun"
    if path.stem in FORBIDDEN_NAMES:
        yield f"{path}: name the module for what it owns"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(path, node)


def _function(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES:
        yield f"{path}:{node.lineno}: {node.name} has {length} lines (limit {FUNCTION_LINES})"
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            yield f"{path}:{inner.lineno}: import inside {node.name}: a layer is wrong, move the code"


if __name__ == "__main__":
    found = [complaint for path in sources() for complaint in complaints(path)]
    print("\n".join(found) or "sizes: every file and function is within its limits")
    sys.exit(bool(found))
