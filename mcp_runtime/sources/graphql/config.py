"""What a GraphQL service is configured with.

    {"url": "https://api.example.com/graphql", "headers": {"Accept-Language": "en"},
     "operations": [{"name": "order", "title": "Order", "description": "One order by its number.",
                     "document": "query($id: ID!) { order(id: $id) { number total lines { sku } } }",
                     "timeout": 10, "size_limit": 262144}],
     "limits": {"depth": 10, "aliases": 20, "cost": 10000}}

Each operation is one tool: its variables are the tool's arguments. Without operations, discovery proposes one for each
field of the query type that needs no more than plain fields. Secret headers are no part of this: they are the draft's
`secrets`, {header name: value}. The schema is asked for by introspection, or uploaded: as SDL, or as the JSON that
introspection answers.
"""

from typing import Annotated, Any

import msgspec

from mcp_runtime.sources.configuration import converted

OPERATIONS = 500
DOCUMENT_CHARACTERS = 32_768
MAXIMUM_BYTES = 1024 * 1024

type ToolName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
type Words = Annotated[str, msgspec.Meta(max_length=4_096)]
type Headers = Annotated[dict[str, Words], msgspec.Meta(max_length=64)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a document may ask for. `cost` counts the fields that could come back, lists multiplied (`limits.py`)."""

    depth: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    aliases: Annotated[int, msgspec.Meta(ge=0, le=500)] = 20
    cost: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operation, which is one tool. `timeout` is in seconds, `size_limit` in bytes of the answer."""

    name: ToolName
    document: Annotated[str, msgspec.Meta(min_length=1, max_length=DOCUMENT_CHARACTERS)]
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    description: Words = ""
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 10.0
    size_limit: Annotated[int, msgspec.Meta(ge=1, le=MAXIMUM_BYTES)] = 256 * 1024


class GraphqlConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
    headers: Headers = {}
    operations: Annotated[list[Operation], msgspec.Meta(max_length=OPERATIONS)] = []
    limits: Limits = Limits()


def read_config(config: dict[str, Any]) -> GraphqlConfig:
    """The typed configuration; raises InvalidConfig that names the wrong field."""
    return converted(config, GraphqlConfig)
