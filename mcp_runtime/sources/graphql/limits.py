"""What a document could cost its service: the fields that may come back, where lists multiply what is within them.

A list counts as long as its page size says (`first: 20`). Where a variable says it, the tool's schema holds that to
PAGE; where nothing does, LIST is taken.
"""

from dataclasses import dataclass, field
from typing import Any

import graphql
from graphql import FieldNode, FragmentSpreadNode, GraphQLInterfaceType, GraphQLList, GraphQLObjectType, IntValueNode
from graphql.language import ArgumentNode, SelectionSetNode, VariableNode

from mcp_runtime.sources.graphql.documents import MOST, Document

PAGE = 100
LIST = 10
PAGE_SIZES = frozenset({"first", "last", "limit", "size", "count", "take", "top", "pagesize", "perpage", "per_page"})


@dataclass(slots=True)
class Cost:
    """The cost of one document, and the variables that say how long its lists are, with what they may be at most."""

    document: Document
    schema: graphql.GraphQLSchema
    largest: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def total(self) -> int:
        """What the operation costs, at most MOST."""
        root = self.schema.get_root_type(self.document.operation.operation)
        return self._of(self.document.operation.selection_set, root)

    def _of(self, selections: SelectionSetNode | None, parent: Any) -> int:
        if selections is None:
            return 0
        return min(MOST, sum(self._one(node, parent) for node in selections.selections))

    def _one(self, node: Any, parent: Any) -> int:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        narrowed = node.type_condition
        return self._of(node.selection_set, self.schema.type_map[narrowed.name.value] if narrowed else parent)

    def _fragment(self, name: str) -> int:
        node = self.document.fragment(name)
        condition = node.type_condition.name.value
        if (name, condition) not in self._known:
            self._known[name, condition] = self._of(node.selection_set, self.schema.type_map[condition])
        return self._known[name, condition]

    def _field(self, node: FieldNode, parent: Any) -> int:
        definition = parent.fields.get(node.name.value) if _has_fields(parent) else None
        if definition is None:
            return 1  # __typename
        inner = self._of(node.selection_set, graphql.get_named_type(definition.type))
        stated = self._stated(node)
        is_list = isinstance(graphql.get_nullable_type(definition.type), GraphQLList)
        return min(MOST, 1 + inner * (stated or (LIST if is_list else 1)))

    def _stated(self, node: FieldNode) -> int:
        """The length that a page size among the field's arguments states; 0 without one."""
        return max((self._size(argument) for argument in node.arguments or ()), default=0)

    def _size(self, argument: ArgumentNode) -> int:
        if argument.name.value.lower() not in PAGE_SIZES:
            return 0
        if isinstance(argument.value, VariableNode):
            self.largest[argument.value.name.value] = PAGE
            return PAGE
        # A number that is written there stays within what Int takes, once the document is valid.
        return abs(int(argument.value.value)) if isinstance(argument.value, IntValueNode) else 0


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
