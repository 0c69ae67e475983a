"""From a document to tools: names, schemas, places, bodies, answers, servers and credentials."""

from typing import Any

import pytest

from mcp_runtime import schemas
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.openapi.document import document_of
from mcp_runtime.sources.openapi.drafting import Drafter, Found, found_in
from mcp_runtime.sources.openapi.swagger import FORM
from tests.mcp_runtime.sources.openapi.documents import SWAGGER
from tests.mcp_runtime.sources.openapi.serving import discovered, document_with, parameter, tools_of


def config_of(tool: ToolDraft) -> dict[str, Any]:
    schemas.require_object_schema(tool.input_schema)
    if tool.output_schema is not None:
        schemas.require_object_schema(tool.output_schema)
    return tool.config


async def test_swagger_2_becomes_tools() -> None:
    tools = await tools_of(SWAGGER)
    assert list(tools) == ["list_pets", "post_pets", "photo"]
    listing = tools["list_pets"]
    assert (listing.title, listing.annotations["readOnlyHint"]) == ("Lists pets", True)
    assert listing.description == "Lists pets\n\nAll of them.\n\nAnswers come in pages: page asks for the next one."
    assert listing.input_schema == {
        "type": "object",
        "properties": {
            "page": {"type": "integer", "exclusiveMinimum": 0},
            "tag": {"type": "array", "items": {"type": "string"}},
            "kind": {"type": "array"},
        },
        "additionalProperties": False,
    }
    config = config_of(listing)
    assert (config["method"], config["server"], config["path"]) == ("GET", "https://api.example.com/v2", "/pets")
    places = [(entry["name"], entry["style"], entry.get("explode", False)) for entry in config["parameters"]]
    assert places == [("page", "form", True), ("tag", "form", False), ("kind", "form", True)]
    assert config["security"] == [[{"name": "login", "kind": "basic"}]]
    assert listing.output_schema is None  # a list


async def test_a_body_of_swagger_2_and_its_recursive_schema() -> None:
    tool = (await tools_of(SWAGGER))["post_pets"]
    pet = tool.input_schema["$defs"]["Pet"]
    assert tool.input_schema["properties"] == {"body": {"$ref": "#/$defs/Pet"}}
    assert tool.input_schema["required"] == ["body"]
    assert pet["required"] == ["name"]  # what a service sets itself is not asked for
    assert pet["properties"] == {
        "name": {"type": ["string", "null"], "examples": ["Rex"]},
        "mother": {"$ref": "#/$defs/Pet"},
    }
    assert config_of(tool)["body"] == {"kind": "json", "media_type": "application/json", "required": True}
    assert tool.output_schema is not None
    assert tool.output_schema["type"] == "object"
    assert tool.output_schema["properties"]["mother"] == {"$ref": "#/$defs/Pet"}
    validator = schemas.compile_schema(tool.output_schema)
    assert validator.is_valid({"id": 1, "mother": {"mother": {"name": None}}, "new": 1})
    assert not validator.is_valid({"mother": {"mother": 1}})


async def test_a_file_of_swagger_2_is_base64_in_a_multipart_form() -> None:
    tool = (await tools_of(SWAGGER))["photo"]
    body = tool.input_schema["properties"]["body"]
    assert body["properties"] == {"photo": {"type": "string", "contentEncoding": "base64"}, "note": {"type": "string"}}
    assert body["required"] == ["photo"]
    config = config_of(tool)
    assert config["body"] == {
        "kind": "multipart",
        "media_type": "multipart/form-data",
        "required": True,
        "fields": [{"name": "photo", "binary": True}],
    }
    assert config["security"] == [[{"name": "key", "kind": "apiKey", "place": "query", "parameter": "k"}], []]
    assert tool.annotations == {
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": True,
        "openWorldHint": True,
    }


SCHEMAS_OF_3_0 = [
    ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
    ({"nullable": True, "allOf": [{"type": "string"}]}, {"anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]}),
    ({"type": "number", "maximum": 1, "exclusiveMaximum": True}, {"type": "number", "exclusiveMaximum": 1}),
    ({"type": "number", "maximum": 1, "exclusiveMaximum": False}, {"type": "number", "maximum": 1}),
    ({"type": "string", "format": "binary"}, {"type": "string", "contentEncoding": "base64"}),
    ({"type": "string", "pattern": "/[/", "example": "x"}, {"type": "string", "examples": ["x"]}),
    ({"type": "int", "format": "int32"}, {"format": "int32", "type": "integer"}),
    ({"type": "no such"}, {}),
    ({"type": "integer", "enum": ["1", "2", "1"]}, {"enum": ["1", "2"]}),
    ({"type": "integer", "maximum": 2**64}, {"type": "integer", "maximum": 18446744073709551616.0}),
    ({"type": "integer", "default": 2**64, "example": [2**70], "enum": [2**63]}, {"type": "integer"}),
    ({"type": "string", "minLength": "3", "required": True, "enum": []}, {"type": "string"}),
    ({"type": "array", "items": [{"type": "string"}]}, {"type": "array", "prefixItems": [{"type": "string"}]}),
    ({"oneOf": [{"type": "string"}], "anyOf": [{}]}, {"anyOf": [{}], "allOf": [{"anyOf": [{"type": "string"}]}]}),
    ({"type": "object", "additionalProperties": False}, {"type": "object"}),
    (
        {"type": "object", "additionalProperties": {"type": "string"}, "xml": {"name": "x"}, "x-y": 1},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ),
    (
        {"oneOf": [{"type": "object"}], "discriminator": {"propertyName": "kind"}},
        {"description": "Its property kind says which kind it is.", "anyOf": [{"type": "object"}]},
    ),
]


@pytest.mark.parametrize(("given", "written"), SCHEMAS_OF_3_0)
async def test_a_schema_of_3_0_becomes_one_of_2020_12(given: dict[str, Any], written: dict[str, Any]) -> None:
    document = document_with({"parameters": [parameter("x", "query", given)]}) | {"openapi": "3.0.3"}
    tool = (await tools_of(document))["call"]
    assert tool.input_schema["properties"]["x"] == written
    config_of(tool)


async def test_schemas_of_3_1_keep_what_stands_beside_a_reference() -> None:
    schema = {"$ref": "#/components/schemas/N", "description": "How many.", "minimum": 1}
    document = document_with(
        {"parameters": [parameter("n", "query", schema), parameter("c", "query", {"const": 1, "type": ["integer"]})]},
        components={"schemas": {"N": {"type": ["integer", "null"], "examples": [3]}}},
    )
    tool = (await tools_of(document))["call"]
    assert tool.input_schema["properties"] == {
        "n": {"$ref": "#/$defs/N", "description": "How many.", "minimum": 1},
        "c": {"type": "integer", "enum": [1]},
    }
    assert tool.input_schema["$defs"] == {"N": {"type": ["integer", "null"], "examples": [3]}}
    config_of(tool)


async def test_a_schema_that_refers_to_all_the_world_is_cut_where_it_is_far_away() -> None:
    far = {f"S{n}": {"description": "x" * 900, "properties": {"next": {"$ref": f"#/components/schemas/S{n + 1}"}}}
           for n in range(400)}  # fmt: skip
    components = {"schemas": far | {"S400": {"type": "string"}}}
    document = document_with({"parameters": [parameter("x", "query", {"$ref": "#/components/schemas/S0"})]})
    tool = (await tools_of(document | {"components": components}))["call"]
    definitions = tool.input_schema["$defs"]
    assert 50 < len(definitions) < 200
    assert definitions[f"S{len(definitions) - 1}"]["description"].startswith("Not described here")
    config_of(tool)


async def test_names_are_each_tool_s_and_each_argument_s_own() -> None:
    document = document_with(
        {
            "operationId": "tool with spaces/and-ünicode",
            "parameters": [
                parameter("id", "path"),
                parameter("id", "query"),
                parameter("$filter", "query"),
                parameter("filter", "query"),
                parameter("page[size]", "query"),
                parameter("body", "query"),
                parameter("X-Id", "header"),
                parameter("Authorization", "header"),
                parameter("Host", "header"),
                parameter("über", "query"),
            ],
        },
        path="/a/{id}/{undescribed}",
    )
    document["paths"]["/b"] = {"get": {"operationId": "Tool with spaces/and-ünicode"}, "post": {}}
    document["paths"]["/a/{id}/{undescribed}"]["delete"] = {}
    tools = await tools_of(document)
    assert list(tools) == ["tool_with_spaces_and-_nicode", "delete_a_id_undescribed", "Tool_with_spaces_and-_nicode_2",
                           "post_b"]  # fmt: skip
    config = config_of(tools["tool_with_spaces_and-_nicode"])
    arguments = {(entry["place"], entry["name"]): entry["argument"] for entry in config["parameters"]}
    assert arguments == {
        ("path", "id"): "id",
        ("path", "undescribed"): "undescribed",
        ("query", "id"): "query_id",
        ("query", "$filter"): "filter",
        ("query", "filter"): "query_filter",
        ("query", "page[size]"): "page_size",
        ("query", "body"): "query_body",
        ("header", "X-Id"): "X-Id",
        ("query", "über"): "ber",
    }
    assert tools["tool_with_spaces_and-_nicode"].input_schema["required"] == ["id", "undescribed"]


@pytest.mark.parametrize(
    ("content", "kind", "media_type"),
    [
        ({"text/xml": {}, "application/json": {}}, "json", "application/json"),
        ({"application/*+json": {}}, "json", "application/json"),
        ({"application/merge-patch+json": {}}, "json", "application/merge-patch+json"),
        ({"*/*": {}}, "json", "application/json"),
        ({FORM: {}, "multipart/form-data": {}}, "form", FORM),
        ({FORM: {"schema": {"type": "string"}}}, "text", FORM),
        ({"application/xml": {}}, "text", "application/xml"),
        ({"text/*": {}}, "text", "text/plain"),
        ({"application/octet-stream": {}}, "binary", "application/octet-stream"),
        ({"image/*": {}}, "binary", "application/octet-stream"),
    ],
)  # fmt: skip
async def test_a_body_is_sent_in_the_first_form_that_can_be_written(
    content: dict[str, Any], kind: str, media_type: str
) -> None:
    tool = (await tools_of(document_with({"requestBody": {"content": content}}, method="post")))["call"]
    assert config_of(tool)["body"] == {"kind": kind, "media_type": media_type}
    assert "body" not in tool.input_schema.get("required", [])


@pytest.mark.parametrize(
    ("responses", "is_promised"),
    [
        ({"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}, True),
        ({"200": {"content": {"application/json": {"schema": {"properties": {}}}}}, "404": {"content": {}}}, True),
        ({"2XX": {"content": {"application/json": {"schema": {"allOf": [{"type": "object"}]}}}}}, True),
        ({"200": {"content": {"application/json": {"schema": {"type": "object", "nullable": True}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {"type": "array"}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {"type": "object"}}}}, "204": {}}, False),
        ({"200": {"content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {"$ref": "#/nowhere"}}}}}, False),
        ({"default": {"content": {"application/json": {"schema": {"type": "object"}}}}}, False),
        ({}, False),
    ],
)
async def test_an_output_schema_is_promised_where_every_success_is_an_object(
    responses: dict[str, Any], *, is_promised: bool
) -> None:
    tool = (await tools_of(document_with({"responses": responses})))["call"]
    assert (tool.output_schema is not None) == is_promised
    assert config_of(tool).get("structured", False) == is_promised


@pytest.mark.parametrize(
    ("servers", "server"),
    [
        ([{"url": "http://a.example.com/x/"}, {"url": "https://b.example.com"}], "https://b.example.com"),
        ([{"url": "/v1"}], "https://docs.example.com/v1"),
        ([{"url": "v1"}], "https://docs.example.com/api/v1"),
        ([], "https://docs.example.com"),
        (None, "https://docs.example.com"),
        (
            [{"url": "https://{host}.example.com/{v}", "variables": {"host": {"default": "a"}, "v": {"enum": ["2"]}}}],
            "https://a.example.com/2",
        ),
        ([{"url": "https://{x}.example.com"}, {"url": "https://b.example.com:8443/"}], "https://b.example.com:8443"),
        ([{"url": "file:///etc"}, {"url": "ws://x.example"}, {"url": "https://c.example.com"}], "https://c.example.com"),
    ],
)  # fmt: skip
def test_the_server_is_the_first_that_can_be_called(servers: Any, server: str) -> None:
    document = document_with({}) | {"servers": servers}
    drafter = Drafter(document_of(document), "https://docs.example.com/api/openapi.json")
    (found,) = found_in(document_of(document))
    assert isinstance(found, Found)
    tool = drafter.draft(found)
    assert isinstance(tool, ToolDraft)
    assert tool.config["server"] == server


async def test_what_the_document_says_of_itself_is_told() -> None:
    discovery = await discovered(SWAGGER)
    assert (discovery.speaks, discovery.instructions) == ("Swagger 2.0", "All about pets.")
    assert (await discovered(document_with({}))).speaks == "OpenAPI 3.1"
