"""Operations that are proposed where an author wrote none: a query of plain fields for each field of the query type."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import graphql
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType

from mcp_runtime.sources.graphql.config import Operation
from mcp_runtime.sources.upstream import RefusedOperation

PROPOSED = 500
LEAVES = 40
ARGUMENTS = 20
CHANGES = "It is a mutation: those are not proposed, write the operation."
NEVER_ENDS = "It is a subscription, and a tool answers once."
NODES = "nodes"
EDGES, NODE = "edges", "node"


@dataclass(frozen=True, slots=True)
class Proposals:
    """What is proposed, and what is not with the reason."""

    operations: list[Operation]
    refused: list[RefusedOperation]


def propose(schema: graphql.GraphQLSchema) -> Proposals:
    """A query for each field of the query type; every other root field is refused by its name."""
    proposals = Proposals([], [])
    for name, field in _fields(schema.query_type):
        selection = _selection(graphql.get_named_type(field.type))
        if len(proposals.operations) >= PROPOSED:
            proposals.refused.append(
                RefusedOperation(name, f"More than {PROPOSED} are not proposed: write it yourself.")
            )
        elif selection is None:
            reason = "It answers no plain fields: write an operation that says what of it is wanted."
            proposals.refused.append(RefusedOperation(name, reason))
        else:
            proposals.operations.append(_operation(name, field, selection))
    proposals.refused.extend(RefusedOperation(name, CHANGES) for name, _field in _fields(schema.mutation_type))
    proposals.refused.extend(RefusedOperation(name, NEVER_ENDS) for name, _field in _fields(schema.subscription_type))
    return proposals


def _fields(kind: Any) -> Iterator[tuple[str, GraphQLField]]:
    yield from (kind.fields.items() if kind is not None else ())


def _operation(name: str, field: GraphQLField, selection: str) -> Operation:
    arguments = sorted(field.args.items(), key=lambda entry: not graphql.is_required_argument(entry[1]))[:ARGUMENTS]
    variables = ", ".join(f"${argument}: {definition.type}" for argument, definition in arguments)
    given = ", ".join(f"{argument}: ${argument}" for argument, _definition in arguments)
    head = f"query({variables})" if variables else "query"
    call = f"{name}({given})" if given else name
    return Operation(
        name=name, document=f"{head} {{ {call}{selection} }}", description=(field.description or "")[:4_096]
    )


def _selection(kind: Any) -> str | None:
    """The selection set for values of a type, "" for those that have none; None where nothing plain can be selected."""
    if graphql.is_leaf_type(kind):
        return ""
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return None
    selected = [name for name, field in kind.fields.items() if _is_plain(field)][:LEAVES]
    nodes = _nodes(kind)
    chosen = selected + ([nodes] if nodes else [])
    return f" {{ {' '.join(chosen)} }}" if chosen else None


def _nodes(kind: GraphQLObjectType | GraphQLInterfaceType) -> str | None:
    """What a connection's nodes are selected with (GraphQL Cursor Connections Specification, section 2)."""
    if NODES in kind.fields:
        leaves = _leaves(kind.fields[NODES])
        return f"{NODES} {{ {leaves} }}" if leaves else None
    if EDGES not in kind.fields:
        return None
    edge = graphql.get_named_type(kind.fields[EDGES].type)
    if not isinstance(edge, GraphQLObjectType) or NODE not in edge.fields:
        return None
    leaves = _leaves(edge.fields[NODE])
    return f"{EDGES} {{ {NODE} {{ {leaves} }} }}" if leaves else None


def _leaves(field: GraphQLField) -> str:
    kind = graphql.get_named_type(field.type)
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    return " ".join([name for name, inner in kind.fields.items() if _is_plain(inner)][:LEAVES])


def _is_plain(field: GraphQLField) -> bool:
    is_leaf = graphql.is_leaf_type(graphql.get_named_type(field.type))
    return (
        is_leaf and field.deprecation_reason is None and not any(map(graphql.is_required_argument, field.args.values()))
    )
