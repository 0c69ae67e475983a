"""Schemas are read in the dialect that they name; one that is not known is refused by its name."""

from typing import Any

import pytest

from mcp_runtime import schemas

DIALECTS = {
    "https://json-schema.org/draft/2020-12/schema": "$defs",
    "https://json-schema.org/draft/2019-09/schema": "$defs",
    "http://json-schema.org/draft-07/schema#": "definitions",
    "https://json-schema.org/draft-07/schema": "definitions",
    "http://json-schema.org/draft-06/schema#": "definitions",
    "http://json-schema.org/draft-04/schema#": "definitions",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_dialect_says_holds(dialect: str) -> None:
    definitions = DIALECTS[dialect]
    schema = {
        "$schema": dialect,
        "type": "object",
        definitions: {"count": {"type": "integer", "minimum": 1}},
        "properties": {"count": {"$ref": f"#/{definitions}/count"}},
    }
    validator = schemas.compile_schema(schema)
    assert schemas.describe_errors(validator, {"count": 1}) == []
    assert schemas.describe_errors(validator, {"count": 0}) == ["count: 0 is less than the minimum of 1"]


def test_a_keyword_means_what_it_does_in_its_dialect() -> None:
    bounded: dict[str, Any] = {"maximum": 3, "exclusiveMaximum": True}
    old = schemas.compile_schema({"$schema": "http://json-schema.org/draft-04/schema#", **bounded})
    assert not old.is_valid(3)
    with pytest.raises(schemas.InvalidSchema):
        schemas.compile_schema(bounded)
    pair = {"items": [{"type": "string"}, {"type": "integer"}]}
    assert not schemas.compile_schema({"$schema": "http://json-schema.org/draft-07/schema#", **pair}).is_valid(
        ["a", "b"]
    )
    with pytest.raises(schemas.InvalidSchema):
        schemas.compile_schema(pair)


@pytest.mark.parametrize("dialect", ["https://example.com/mine", "", 7, None, "ftp://json-schema.org/draft-07/schema#"])
def test_an_unknown_dialect_is_refused(dialect: object) -> None:
    with pytest.raises(schemas.InvalidSchema, match="dialect of JSON Schema is not known"):
        schemas.compile_schema({"$schema": dialect})


def test_nothing_is_fetched_in_any_dialect() -> None:
    for dialect in DIALECTS:
        with pytest.raises(schemas.InvalidSchema):
            schemas.compile_schema({"$schema": dialect, "$ref": "https://example.com/schema.json"})
