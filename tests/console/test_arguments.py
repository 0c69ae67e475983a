"""The form that is made from a tool's JSON Schema."""

from typing import Any

import pytest

from console.forms import parse_json
from console.pages.playground.arguments import ArgumentsForm

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 3},
        "limit": {"type": "number"},
        "unit": {"enum": ["C", "F", 1]},
        "exact": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def _sent(schema: dict[str, Any], **typed: str) -> dict[str, Any]:
    form = ArgumentsForm(schema, typed)
    assert form.is_valid(), form.errors
    return form.arguments()


def test_it_sends_each_type_as_itself() -> None:
    typed = {"argument_0": "Oslo", "argument_1": "2", "argument_2": "0.5", "argument_3": "1", "argument_4": "false"}
    sent = _sent(SCHEMA, **typed, argument_5='["a", "b"]')
    assert sent == {"city": "Oslo", "days": 2, "limit": 0.5, "unit": 1, "exact": False, "tags": ["a", "b"]}
    assert sent["exact"] is False


def test_it_leaves_out_what_is_optional_and_empty_and_sends_what_is_required() -> None:
    assert _sent(SCHEMA, argument_0="") == {"city": ""}


def test_a_whole_number_stays_whole() -> None:
    sent = _sent(SCHEMA, argument_0="", argument_2="12")
    assert (sent["limit"], type(sent["limit"])) == (12, int)


def test_it_keeps_spaces() -> None:
    assert _sent(SCHEMA, argument_0="  Oslo ") == {"city": "  Oslo "}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("argument_1", "two"),
        ("argument_2", "NaN"),
        ("argument_3", '"K"'),
        ("argument_4", "perhaps"),
        ("argument_5", "["),
    ],
)
def test_it_rejects_what_cannot_be_read_and_says_where(field: str, text: str) -> None:
    form = ArgumentsForm(SCHEMA, {"argument_0": "Oslo", field: text})
    assert list(form.errors) == [field]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "oneOf": [{}], "properties": {"a": {}}},
        {"type": "object", "$ref": "#/$defs/a"},
        {"type": "object", "properties": {f"p{n}": {} for n in range(31)}},
    ],
)
def test_it_falls_back_to_one_json_field(schema: dict[str, Any]) -> None:
    assert _sent(schema, arguments='{"a": {"b": 1}}') == {"a": {"b": 1}}
    assert _sent(schema) == {}
    assert not ArgumentsForm(schema, {"arguments": "[1]"}).is_valid()


def test_a_tool_without_arguments_needs_no_field() -> None:
    assert _sent({"type": "object", "additionalProperties": False}) == {}


def test_it_escapes_what_a_schema_says() -> None:
    script = "<script>alert(1)</script>"
    properties = {
        f"name{script}": {"type": "string", "description": script, "default": script},
        "e": {"enum": [script]},
    }
    shown = ArgumentsForm({"type": "object", "properties": properties}).as_div()
    assert script not in shown
    assert "&lt;script&gt;" in shown


def test_odd_schemas_make_a_form_all_the_same() -> None:
    properties: dict[str, Any] = {
        "a": True,
        "b": {"type": ["string", "null"]},
        "c": {"enum": []},
        "d": {"description": 5},
    }
    form = ArgumentsForm({"type": "object", "properties": properties, "required": [1, "a"]})
    assert len(form.fields) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,}', "line 1, column 8"),
        ('{"a": 1, "a": 2}', "twice"),
        ("NaN", "no number"),
        ("1e999", "no number"),
        ("9" * 5000, "too long"),
        ('"\\ud800"', "surrogate"),
        ("[" * 100_000, "deep"),
    ],
)
def test_json_that_cannot_be_sent_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        parse_json(text)
