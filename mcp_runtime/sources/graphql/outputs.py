"""A tool's result: what an operation's selection answers, as JSON Schema that holds whatever types come."""

from typing import Any

import graphql
from graphql import FieldNode, FragmentSpreadNode, GraphQLEnumType, GraphQLList, GraphQLNonNull, GraphQLScalarType
from graphql.language import SelectionSetNode

from mcp_runtime.sources.graphql.documents import Document

# Services of our time send numbers as they please where their ID is one.
SCALARS: dict[str, dict[str, Any]] = {
    "Int": {"type": "integer"},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": ["string", "integer"]},
}
CONDITIONS = frozenset({"skip", "include"})
PROPERTIES = 2_000  # of one result, fragments counted wherever they are spread


class TooWide(Exception):
    """The result has more parts than a schema is made for."""


class Outputs:
    """Schemas of one operation's selections."""

    def __init__(self, document: Document, schema: graphql.GraphQLSchema) -> None:
        self._document = document
        self._schema = schema
        self._room = PROPERTIES

    def whole(self) -> dict[str, Any] | None:
        """The schema of the result's data; None where it would be larger than is of use."""
        root = self._schema.get_root_type(self._document.operation.operation)
        try:
            return self._object([(self._document.operation.selection_set, root)])
        except TooWide:
            return None

    def _object(self, parts: list[tuple[SelectionSetNode, Any]]) -> dict[str, Any]:
        """An object that is selected from in several places: what is certain to be there is required."""
        fields: dict[str, list[tuple[FieldNode, Any]]] = {}
        certain: set[str] = set()
        for selections, parent in parts:
            self._collect(selections, parent, fields, certain, is_certain=True)
        properties = {key: self._property(found) for key, found in fields.items()}
        required = [key for key in fields if key in certain]
        return {"type": "object", "properties": properties} | ({"required": required} if required else {})

    def _collect(
        self,
        selections: SelectionSetNode,
        parent: Any,
        fields: dict[str, list[tuple[FieldNode, Any]]],
        certain: set[str],
        *,
        is_certain: bool,
    ) -> None:
        for node in selections.selections:
            there = is_certain and not any(item.name.value in CONDITIONS for item in node.directives or ())
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                fields.setdefault(key, []).append((node, parent))
                certain |= {key} if there else set()
                self._spend()
            else:
                inner, kind = self._narrowed(node, parent)
                self._collect(inner, kind, fields, certain, is_certain=there and kind is parent)

    def _narrowed(self, node: Any, parent: Any) -> tuple[SelectionSetNode, Any]:
        if isinstance(node, FragmentSpreadNode):
            fragment = self._document.fragment(node.name.value)
            return fragment.selection_set, self._schema.type_map[fragment.type_condition.name.value]
        condition = node.type_condition
        return node.selection_set, self._schema.type_map[condition.name.value] if condition else parent

    def _spend(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise TooWide

    def _property(self, found: list[tuple[FieldNode, Any]]) -> dict[str, Any]:
        kinds = [_type_of(node, parent) for node, parent in found]
        if any(str(kind) != str(kinds[0]) for kind in kinds):
            return {}  # other types answer under one name
        named = graphql.get_named_type(kinds[0])
        return self._typed(kinds[0], [(node.selection_set, named) for node, _parent in found if node.selection_set])

    def _typed(self, kind: Any, inner: list[tuple[SelectionSetNode, Any]]) -> dict[str, Any]:
        if isinstance(kind, GraphQLNonNull):
            return self._certain(kind.of_type, inner)
        schema = self._certain(kind, inner)
        if "type" not in schema:
            return schema
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return schema | {"type": [*kinds, "null"]}

    def _certain(self, kind: Any, inner: list[tuple[SelectionSetNode, Any]]) -> dict[str, Any]:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self._typed(kind.of_type, inner)}
        if isinstance(kind, GraphQLEnumType):
            return {"type": "string"}  # a service may have new ones tomorrow
        if isinstance(kind, GraphQLScalarType):
            return dict(SCALARS.get(kind.name, {}))
        return self._object(inner)


def _type_of(node: FieldNode, parent: Any) -> Any:
    if node.name.value == "__typename":
        return GraphQLNonNull(graphql.GraphQLString)
    return parent.fields[node.name.value].type
