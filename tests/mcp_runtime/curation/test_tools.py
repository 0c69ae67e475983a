"""What an author changes about an imported tool, and what of it is refused."""

from typing import Any

import pytest

from mcp_runtime.curation.shape import read_curation
from mcp_runtime.curation.tools import curated_tool, fixed_arguments, public_name
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"$ref": "#/$defs/id"},
        "version": {"type": "integer", "minimum": 1},
        "debug": {"type": "boolean"},
    },
    "required": ["id", "version"],
    "additionalProperties": False,
    "$defs": {"id": {"type": "string", "maxLength": 3}},
}
DRAFT = ToolDraft(
    name="get pet",
    title="Get",
    description="Long.",
    input_schema=SCHEMA,
    output_schema={"type": "object"},
    annotations={"readOnlyHint": False},
)


def _curated(curation: dict[str, Any]) -> ToolDraft:
    return curated_tool(DRAFT, read_curation(curation), "pets_")


@pytest.mark.parametrize(
    ("curated", "prefix", "name", "expected"),
    [
        ("", "pets_", "get pet", "pets_get_pet"),
        ("mine", "pets_", "get pet", "mine"),
        ("", "", "GET /pets/{id}", "GET_pets_id"),
        ("", "p_", "日本", "p_unnamed"),
        ("", "p_", "x" * 100, "p_" + "x" * 62),
    ],
)
def test_a_name_is_made_to_fit(curated: str, prefix: str, name: str, expected: str) -> None:
    assert public_name(curated, prefix, name) == expected


def test_what_is_left_out_stays() -> None:
    curated = _curated({})
    assert (curated.name, curated.title, curated.description) == ("pets_get_pet", "Get", "Long.")
    assert curated.input_schema == SCHEMA


def test_texts_and_annotations_are_replaced() -> None:
    curated = _curated({"title": "", "description": "Short.", "annotations": {"readOnlyHint": True}})
    assert (curated.title, curated.description) == ("", "Short.")
    assert curated.annotations == {"readOnlyHint": True}


def test_a_fixed_argument_is_sent_and_not_seen() -> None:
    curation = {"arguments": {"version": {"fixed": 2}, "debug": {"hidden": True}, "id": {"description": "Whose."}}}
    curated = _curated(curation)
    assert set(curated.input_schema["properties"]) == {"id"}
    assert curated.input_schema["properties"]["id"]["description"] == "Whose."
    assert curated.input_schema["required"] == ["id"]
    assert fixed_arguments(read_curation(curation)) == {"version": 2}


def test_null_is_a_value_to_fix() -> None:
    assert fixed_arguments(read_curation({"arguments": {"debug": {"fixed": None}}})) == {"debug": None}


def test_a_projection_leaves_the_output_schema_out() -> None:
    assert _curated({"project": ["/name"]}).output_schema is None


def test_examples_are_held_to_the_schema_as_it_is_offered() -> None:
    curation = {"arguments": {"version": {"fixed": 2}}, "examples": [{"id": "abc"}]}
    assert _curated(curation).input_schema["examples"] == [{"id": "abc"}]


@pytest.mark.parametrize(
    ("curation", "place"),
    [
        ({"arguments": {"nobody": {"hidden": True}}}, "curation.arguments.nobody"),
        ({"arguments": {"version": {"hidden": True}}}, "curation.arguments.version"),
        ({"arguments": {"version": {"fixed": 0}}}, "curation.arguments.version.fixed"),
        ({"arguments": {"id": {"fixed": "four"}}}, "curation.arguments.id.fixed"),
        ({"examples": [{"id": 1, "version": 1}]}, "curation.examples[0]"),
        ({"surprise": 1}, "curation.surprise"),
        ({"project": ["name"]}, "curation.project[0]"),
        ({"timeout": 0}, "curation.timeout"),
        ({"maximum_bytes": 1}, "curation.maximum_bytes"),
        ({"name": "x" * 65}, "curation.name"),
    ],
)
def test_what_is_wrong_is_named(curation: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        _curated(curation)
    assert list(refused.value.fields) == [place]
