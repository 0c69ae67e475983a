"""What a protocol revision is: data and small functions, one module each in `revisions`, read by the core."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import msgspec

from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.sources.contract import CallContext


class Structured(Enum):
    """What a revision's tool results carry in `structuredContent`."""

    NOTHING = "nothing"
    OBJECT = "object"
    ANYTHING = "anything"


class Exchange(msgspec.Struct, frozen=True):
    """One request on its way through a revision's method table. `supported`: versions framed as this one is."""

    revision: "Revision"
    supported: tuple[str, ...]
    endpoint: ServedEndpoint
    principal: Principal
    headers: RequestHeaders
    params: dict[str, Any]


class Job(Protocol):
    """A request that takes time to answer."""

    @property
    def seconds(self) -> float:
        """How long it may take."""

    def run(self, context: CallContext) -> Coroutine[Any, Any, bytes]:
        """Works, and returns the encoded result."""

    def overdue(self) -> bytes:
        """The encoded result of a job that took longer than it may."""


type Method = Callable[[Exchange], bytes | Job]
type Content = list[dict[str, Any]]


def as_it_is(content: Content) -> Content:
    """Content blocks of a revision that knows all kinds and fields."""
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision: its method table, field sets, error map and result encoding.

    `stateless`: each request describes itself in `_meta` and headers, and a client that goes away cancels; otherwise a
    session was negotiated by `initialize`, and a client that goes away does not cancel.
    `mirrored`: which member of the params `Mcp-Name` repeats, by method.
    `annotated_results`: results carry `resultType`, the server's name, and lists their caching hints.
    """

    version: str
    stateless: bool
    methods: Mapping[str, Method]
    tool_fields: tuple[str, ...]
    implementation_fields: tuple[str, ...]
    capabilities: dict[str, Any]
    structured: Structured
    invalid_arguments_are_results: bool
    error_status: Mapping[int, int] = field(default_factory=dict)
    default_error_status: int = 200
    mirrored: Mapping[str, str] = field(default_factory=dict)
    annotated_results: bool = False
    batches: bool = False
    content: Callable[[Content], Content] = as_it_is

    def status_of(self, code: int) -> int:
        """The HTTP status that goes with a JSON-RPC error code."""
        return self.error_status.get(code, self.default_error_status)
