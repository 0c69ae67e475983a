"""The built files are whole: made of the sources beside them, light, and asking nothing of anybody else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "console"
BUILT = ROOT / "static" / "console"
SOURCES = ROOT / "assets"
# Kilobytes before compression that a first visit loads; a file that grows past its figure is noticed here.
BUDGET = {"console.css": 64, "console.js": 16, "theme.js": 2, "vendor/htmx.js": 48, "vendor/alpine.js": 80}


def test_every_script_of_ours_is_in_the_built_one_as_it_stands() -> None:
    built = (BUILT / "console.js").read_text()
    for source in sorted((SOURCES / "js").glob("*.js")):
        where = (BUILT / "theme.js").read_text() if source.name == "theme.js" else built
        assert source.read_text().strip() in where, f"{source.name}: run `make assets`"


def test_every_rule_written_for_an_element_is_in_the_built_stylesheet() -> None:
    built = (BUILT / "console.css").read_text().replace("\\", "")
    for source in sorted((SOURCES / "css").glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.DOTALL)
        for name in set(re.findall(r"(?<![\w\"/.])\.([a-z][a-z-]+)(?=[\s,:{.>\[)])", text)):
            assert f".{name}" in built, f"{source.name}: .{name} is not built, run `make assets`"


@pytest.mark.parametrize(("name", "kilobytes"), BUDGET.items())
def test_a_built_file_stays_within_its_budget(name: str, kilobytes: int) -> None:
    assert (BUILT / name).stat().st_size <= kilobytes * 1000


def test_the_stylesheet_loads_nothing_but_the_font_beside_it() -> None:
    css = (BUILT / "console.css").read_text()
    loaded = set(re.findall(r"url\(([^)]+)\)", css))
    assert {path.strip("\"'") for path in loaded} == {"./fonts/jetbrains-mono.woff2"}
    assert "@import" not in css
    assert (BUILT / "fonts" / "jetbrains-mono-LICENSE.txt").is_file()


def test_our_scripts_write_no_markup_and_run_no_text() -> None:
    for source in (SOURCES / "js").glob("*.js"):
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source.read_text())


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (SOURCES / "package-lock.json").read_text()
