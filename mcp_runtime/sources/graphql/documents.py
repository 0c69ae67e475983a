"""An author's document: that it is one operation that a tool can be, and what it asks for stays within limits."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import graphql
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, OperationDefinitionNode
from graphql.language import SelectionNode, SelectionSetNode

from mcp_runtime.sources.graphql.config import Limits

TOKENS = 5_000
FIELDS = 500  # written in one document
MOST = 10**12  # counting goes no further: fragments within fragments multiply
INTROSPECTING = frozenset({"__schema", "__type"})
INCREMENTAL = frozenset({"defer", "stream"})


class RefusedDocument(Exception):
    """The document cannot become a tool; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document with its one operation."""

    tree: graphql.DocumentNode
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.operation.operation is graphql.OperationType.QUERY

    def fragment(self, name: str) -> FragmentDefinitionNode:
        """A fragment by its name. Raises RefusedDocument."""
        try:
            return self.fragments[name]
        except KeyError:
            raise RefusedDocument(f"There is no fragment {name}.") from None


def parse(text: str, limits: Limits) -> Document:
    """Reads a document, without a schema. Raises RefusedDocument."""
    try:
        tree = graphql.parse(text, no_location=True, max_tokens=TOKENS)
    except graphql.GraphQLError as error:
        raise RefusedDocument(f"The document is no GraphQL: {error.message}") from None
    except RecursionError:
        raise RefusedDocument("The document is nested too deeply.") from None
    document = _with_one_operation(tree)
    _require_bounds(document, limits)
    return document


def _with_one_operation(tree: graphql.DocumentNode) -> Document:
    operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = [node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)]
    if len(operations) != 1 or len(operations) + len(fragments) < len(tree.definitions):
        raise RefusedDocument("A document holds one operation, and the fragments that it needs.")
    if operations[0].operation is graphql.OperationType.SUBSCRIPTION:
        raise RefusedDocument("A subscription is refused: a tool answers once.")
    return Document(tree, operations[0], {node.name.value: node for node in fragments})


@dataclass(slots=True)
class _Measure:
    """How deep a selection goes and how many aliases come of it, fragments counted wherever they are spread."""

    depth: int = 0
    aliases: int = 0


def _require_bounds(document: Document, limits: Limits) -> None:
    sets = [document.operation.selection_set, *(node.selection_set for node in document.fragments.values())]
    if sum(1 for selections in sets for _field in _written_fields(selections)) > FIELDS:
        raise RefusedDocument(f"The document has more than {FIELDS} fields.")
    measure = _measured(document, document.operation.selection_set, {}, ())
    if measure.depth > limits.depth:
        raise RefusedDocument(f"The document is {measure.depth} levels deep; {limits.depth} are allowed.")
    if measure.aliases > limits.aliases:
        raise RefusedDocument(f"The document has {measure.aliases} aliases; {limits.aliases} are allowed.")


def _written_fields(selections: SelectionSetNode) -> Iterator[FieldNode]:
    stack: list[SelectionNode] = list(selections.selections)
    while stack:
        node = stack.pop()
        _require_plain(node)
        if isinstance(node, FieldNode):
            yield node
        if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            stack.extend(node.selection_set.selections)


def _require_plain(node: SelectionNode) -> None:
    if isinstance(node, FieldNode) and node.name.value in INTROSPECTING:
        raise RefusedDocument(f"{node.name.value} is refused: a tool does not ask for the schema.")
    if not INCREMENTAL.isdisjoint(directive.name.value for directive in node.directives or ()):
        raise RefusedDocument("@defer and @stream are refused: a tool answers once.")


def _measured(
    document: Document, selections: SelectionSetNode, known: dict[str, _Measure], inside: tuple[str, ...]
) -> _Measure:
    total = _Measure()
    for node in selections.selections:
        if isinstance(node, FragmentSpreadNode):
            part = _measured_fragment(document, node.name.value, known, inside)
        else:
            inner = getattr(node, "selection_set", None)
            part = _measured(document, inner, known, inside) if inner else _Measure()
        is_field = isinstance(node, FieldNode)
        total.depth = max(total.depth, part.depth + is_field)
        aliased = 1 if isinstance(node, FieldNode) and node.alias else 0
        total.aliases = min(MOST, total.aliases + part.aliases + aliased)
    return total


def _measured_fragment(document: Document, name: str, known: dict[str, _Measure], inside: tuple[str, ...]) -> _Measure:
    if name in inside:
        raise RefusedDocument(f"The fragment {name} is within itself.")
    if name not in known:
        known[name] = _measured(document, document.fragment(name).selection_set, known, (*inside, name))
    return known[name]
