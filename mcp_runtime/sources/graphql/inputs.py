"""A tool's arguments: what an operation's variables take, as JSON Schema."""

from typing import Any

import graphql
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLScalarType

from mcp_runtime.sources.graphql.documents import Document, RefusedDocument

SCALARS: dict[str, dict[str, Any]] = {
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": ["string", "integer"]},
}
DEFINITIONS = 500
DESCRIPTION_CHARACTERS = 2_000


class Inputs:
    """Schemas of input types; those of input objects are kept once, in `definitions`, so that they may be recursive."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def schema_of(self, kind: Any) -> dict[str, Any]:
        """What values of an input type are. Raises RefusedDocument."""
        if isinstance(kind, GraphQLNonNull):
            return self._own(kind.of_type)
        return _or_null(self._own(kind))

    def _own(self, kind: Any) -> dict[str, Any]:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self.schema_of(kind.of_type)}
        if isinstance(kind, GraphQLEnumType):
            return described({"type": "string", "enum": list(kind.values)}, kind.description)
        if isinstance(kind, GraphQLInputObjectType):
            return self._reference(kind)
        return scalar(kind)

    def _reference(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        if kind.name not in self.definitions:
            if len(self.definitions) >= DEFINITIONS:
                raise RefusedDocument(f"Its variables take more than {DEFINITIONS} types.")
            self.definitions[kind.name] = {}  # there already when a field leads back here
            self.definitions[kind.name] = self._object(kind)
        return {"$ref": f"#/$defs/{kind.name}"}

    def _object(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        properties = {
            name: described(self.schema_of(field.type), field.description) for name, field in kind.fields.items()
        }
        required = [name for name, field in kind.fields.items() if graphql.is_required_input_field(field)]
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if kind.is_one_of:
            schema |= {"minProperties": 1, "maxProperties": 1}
        return described(schema | ({"required": required} if required else {}), kind.description)


def scalar(kind: GraphQLScalarType) -> dict[str, Any]:
    """The schema of a scalar; only the service knows what values one of its own takes."""
    known = SCALARS.get(kind.name)
    return dict(known) if known else described({}, f"{kind.name}. {kind.description or ''}".strip())


def described(schema: dict[str, Any], words: str | None) -> dict[str, Any]:
    """The schema with a description, where there is one."""
    return schema | {"description": words[:DESCRIPTION_CHARACTERS]} if words else schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return schema | {"type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "type" not in schema:
        return schema
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*kinds, "null"]}


def input_schema(document: Document, schema: graphql.GraphQLSchema, largest: dict[str, int]) -> dict[str, Any]:
    """The arguments of the operation's tool; `largest` bounds variables that say how long a list is.

    Raises RefusedDocument.
    """
    inputs = Inputs()
    properties: dict[str, Any] = {}
    required: list[str] = []
    for definition in document.operation.variable_definitions or ():
        name = definition.variable.name.value
        kind = graphql.type_from_ast(schema, definition.type)
        property_schema = inputs.schema_of(kind)
        if name in largest:
            property_schema["maximum"] = largest[name]
        if definition.default_value is not None:
            property_schema = property_schema | {"default": graphql.value_from_ast_untyped(definition.default_value)}
        elif isinstance(kind, GraphQLNonNull):
            required.append(name)
        properties[name] = property_schema
    whole = {"type": "object", "properties": properties, "additionalProperties": False}
    whole |= {"required": required} if required else {}
    return whole | ({"$defs": inputs.definitions} if inputs.definitions else {})
