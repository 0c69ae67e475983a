"""Templates find their variables in any URI, in time that grows no faster than what they are given."""

import time

import pytest

from mcp_runtime.uris import InvalidUri, matcher

LETTERS = "abcdefghij"


@pytest.mark.parametrize(
    ("template", "uri", "expected"),
    [
        ("notes://{day}", "notes://2026-11-22", {"day": "2026-11-22"}),
        ("notes://{day}", "notes://", None),
        ("notes://{day}", "notes://a/b", None),
        ("notes://{day}", "notes://a b", None),
        ("notes://{day}", "notes://a%20b", {"day": "a b"}),
        ("notes://{y}-{m}", "notes://2026-11-22", {"y": "2026-11", "m": "22"}),
        ("files://{name}.json", "files://a.b.json", {"name": "a.b"}),
        ("files://{name}.json", "files://.json", None),
        ("files://{+path}", "files://a/b?c#d", {"path": "a/b?c#d"}),
        ("files://{+path}/of/{name}", "files://a/of/b/of/c", {"path": "a/of/b", "name": "c"}),
        ("files://{+path}-{name}", "files://a/-b/-c", {"path": "a/-b/", "name": "c"}),
        ("x:{a}{b}", "x:12", {"a": "1", "b": "2"}),
        ("x:{a}{b}", "x:1", None),
        ("x:{a}a{b}", "x:aaaa", {"a": "aa", "b": "a"}),
        ("x:a{b}a", "x:a", None),
        ("x:{a}", "x:" + "a" * 999, None),
    ],
)
def test_a_template_finds_its_variables(template: str, uri: str, expected: dict[str, str] | None) -> None:
    assert matcher(template)(uri) == expected


@pytest.mark.parametrize("template", ["x:y", "x:{a}{a}", "{a}", "x:" + "".join(f"{{v{n}}}" for n in range(11)), "x:{a"])
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(InvalidUri):
        matcher(template)


@pytest.mark.parametrize("between", ["", "-", "a", "aa"])
@pytest.mark.parametrize("reserved", ["", "+"])
def test_no_template_and_uri_take_long_together(between: str, reserved: str) -> None:
    match = matcher("x:" + between.join(f"{{{reserved}{letter}}}" for letter in LETTERS) + "!")
    began = time.process_time()
    for uri in ("a" * 998, "-" * 998, "a" * 997 + "!", "-" * 990 + " !", "a/" * 490 + "!"):
        match(f"x:{uri}")
    assert time.process_time() - began < 0.5
