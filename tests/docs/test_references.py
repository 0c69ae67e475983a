"""The documents name only files that exist: links, and paths in code type."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
CODE = re.compile(
    r"`((?:\.ci|console|docker|docs|mcp_runtime|billing|tenants|tests|scripts|platform|requirements)/[^`\s<>{}*…]+)`"
)
# Written by commands, and by whoever follows the page.
MADE_LATER = ("docker/secrets/", "docker/.env")


def _named(page: Path) -> Iterator[Path]:
    text = page.read_text(encoding="utf-8")
    yield from (page.parent / target for target in LINK.findall(text))
    yield from (ROOT / path for path in CODE.findall(text) if path not in MADE_LATER)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    assert [str(path.relative_to(ROOT)) for path in _named(page) if not path.exists()] == []
