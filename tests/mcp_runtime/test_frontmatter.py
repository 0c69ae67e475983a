"""Front matter is read as JSON would have it, and what is hostile is refused."""

from typing import Any

import pytest

from mcp_runtime.frontmatter import MAXIMUM_CHARACTERS, InvalidFrontmatter, read_frontmatter


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        ("a: text", "text"),
        ("a: 'yes'", "yes"),
        ("a: yes", "yes"),
        ("a: 2026-07-28", "2026-07-28"),
        ("a: 1:30", "1:30"),
        ("a: 0777", 777),
        ("a: 0o17", 15),
        ("a: 0x1f", 31),
        ("a: -12", -12),
        ("a: '12'", "12"),
        ("a: 1.5e3", 1500.0),
        ("a: true", True),
        ("a:", None),
        ("a: ~", None),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
        ("a: |\n  one\n  two", "one\ntwo"),
        ("a: >-\n  one\n  two", "one two"),
        ("a: <<", "<<"),
    ],
)
def test_values_are_those_of_the_core_schema(yaml: str, value: Any) -> None:
    assert read_frontmatter(f"---\n{yaml}\n---\nbody") == {"a": value}


@pytest.mark.parametrize(
    "text", ["---\r\na: 1\r\n---\r\nb", "\ufeff---\na: 1\n---", "---\na: 1\n---  \n---\nb: 2\n---"]
)
def test_it_ends_at_the_next_fence_whatever_the_line_ends(text: str) -> None:
    assert read_frontmatter(text) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        " ---\na: 1\n---\n",
        "---\na: 1",
        "---\n---\n",
        "---\n\n---\n",
        "---\n# nothing\n---\n",
        "---\n- a\n---\n",
        "---\ntext\n---\n",
        "---\na: 1\na: 2\n---\n",
        "---\n1: a\n---\n",
        "---\n[a]: b\n---\n",
        "---\n? {a: b}\n: c\n---\n",
        "---\na: &x 1\nb: 2\n---\n",
        "---\na: &x [1]\nb: [*x, *x]\n---\n",
        "---\na: *nowhere\n---\n",
        "---\na: !!python/object/apply:os.system [ls]\n---\n",
        "---\na: !!binary aGk=\n---\n",
        "---\na: ! x\n---\n",
        "---\na: .nan\n---\n",
        "---\na: -.inf\n---\n",
        "---\na: 1e999\n---\n",
        f"---\na: {'9' * 5000}\n---\n",
        "---\na: 9007199254740993\n---\n",
        f"---\na: {'[' * 4000}\n---\n",
        f"---\na: {'[' * 20}{']' * 20}\n---\n",
        "---\na: [\n---\n",
        "---\na: \x01\n---\n",
        "---\na: 1\n--- b\n...\n---\n",
        f"---\na: {'x' * MAXIMUM_CHARACTERS}\n---\n",
    ],
)
def test_what_json_cannot_hold_or_a_host_could_choke_on_is_refused(text: str) -> None:
    with pytest.raises(InvalidFrontmatter):
        read_frontmatter(text)
