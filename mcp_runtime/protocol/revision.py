"""What a protocol revision is: data and small functions, one module each in `revisions`, read by the core."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.tasks import TaskKeeper, TaskScope
from mcp_runtime.sources.contract import CallContext

if TYPE_CHECKING:
    from mcp_runtime.protocol.extension import Extension


class Structured(Enum):
    """What a revision's tool results carry in `structuredContent`."""

    NOTHING = "nothing"
    OBJECT = "object"
    ANYTHING = "anything"


class Exchange(msgspec.Struct, frozen=True):
    """One request on its way through a revision's method table. `supported`: versions framed as this one is.

    `headers` is None on a transport whose messages have none, and so can contradict none.
    `capabilities` are the client's, as declared with this request or in its session; `session` is that session's
    token, empty where there is none.
    """

    revision: "Revision"
    supported: tuple[str, ...]
    endpoint: ServedEndpoint
    principal: Principal
    headers: RequestHeaders | None
    method: str
    params: dict[str, Any]
    capabilities: dict[str, Any]
    tasks: TaskKeeper
    session: bytes = b""

    @property
    def scope(self) -> TaskScope:
        """Whose tasks this request may speak of."""
        return TaskScope(self.endpoint.tenant_id, self.endpoint.endpoint_id, self.principal.id)


class Job(Protocol):
    """A request that takes time to answer."""

    @property
    def seconds(self) -> float:
        """How long it may take."""

    def run(self, context: CallContext) -> Coroutine[Any, Any, bytes]:
        """Works, and returns the encoded result."""

    def failed(self, sentence: str) -> bytes:
        """The encoded result that says so; raises RpcError(INTERNAL_ERROR) where the protocol has no such result."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something for another part of the platform to hear, which is answered with `result` once it has been told.

    `kind` is one of the runtime's (see `transports.signals`), `session` the digest of the session it came in.
    """

    kind: str
    session: str
    data: dict[str, Any]
    result: bytes = b"{}"


@dataclass(frozen=True, slots=True)
class Listening:
    """A request that is answered by a stream of changes: of lists by kind, resources by URI, tasks by id."""

    exchange: Exchange
    lists: frozenset[str]
    uris: frozenset[str]
    tasks: frozenset[str] = frozenset()


type Answering = bytes | Job | Signal | Listening
type Method = Callable[[Exchange], Answering]
type Content = list[dict[str, Any]]


def as_it_is(content: Content) -> Content:
    """Content blocks of a revision that knows all kinds and fields."""
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision: its method table, field sets, error map and result encoding.

    `stateless`: each request describes itself in `_meta` and headers, and a client that goes away cancels; otherwise a
    session was negotiated by `initialize`, and a client that goes away does not cancel.
    `client_capabilities`: what clients may declare in a handshake, and its members; whatever else they say came later.
    `mirrored`: which member of the params `Mcp-Name` repeats, by method.
    `annotated_results`: results carry `resultType`, the server's name, and lists their caching hints.
    """

    version: str
    stateless: bool
    methods: Mapping[str, Method]
    tool_fields: tuple[str, ...]
    prompt_fields: tuple[str, ...]
    argument_fields: tuple[str, ...]
    resource_fields: tuple[str, ...]
    implementation_fields: tuple[str, ...]
    capabilities: dict[str, Any]
    structured: Structured
    invalid_arguments_are_results: bool
    error_status: Mapping[int, int] = field(default_factory=dict)
    default_error_status: int = 200
    resource_not_found: int = errors.RESOURCE_NOT_FOUND
    has_meta: bool = True
    progress_has_message: bool = True
    elicitation_has_modes: bool = True
    elicitation_has_ids: bool = False
    # Up to 2025-06-18 forms have neither defaults nor several choices, and a sampled message one content.
    plain_questions: bool = False
    client_capabilities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # 2025-11-25, basic/transports: an event without data first, so that a client can come back for the rest.
    primes_streams: bool = False
    mirrored: Mapping[str, str] = field(default_factory=dict)
    annotated_results: bool = False
    batches: bool = False
    content: Callable[[Content], Content] = as_it_is
    extensions: "tuple[Extension, ...]" = ()

    def declared(self, capabilities: Mapping[str, Any]) -> dict[str, Any]:
        """Of what a client declares in its handshake, what this revision knows: nobody is asked for anything later."""
        return {
            name: {member: value for member, value in capabilities[name].items() if member in members}
            for name, members in self.client_capabilities.items()
            if isinstance(capabilities.get(name), dict)
        }

    def status_of(self, code: int) -> int:
        """The HTTP status that goes with a JSON-RPC error code."""
        return self.error_status.get(code, self.default_error_status)
