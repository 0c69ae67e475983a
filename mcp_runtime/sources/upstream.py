"""What every kind of upstream is: one folder with a class like `UpstreamSource`, and one line in `sources.registry`.

An upstream is something outside that offers tools: an API described by OpenAPI, a GraphQL or gRPC service, a
database, another MCP server. It is opened, and an open one is discovered, called and probed; the platform knows no more
of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from core.outbound import Client
from mcp_runtime.sources.contract import (
    CompiledPrompt,
    CompiledResource,
    InvalidConfig,
    PromptDraft,
    ResourceDraft,
    ToolDraft,
    ToolHandler,
)

if TYPE_CHECKING:
    from mcp_runtime.sources.mcp.parking import Parking


class Health(StrEnum):
    """What is known of an upstream."""

    OK = "ok"
    DEGRADED = "degraded"  # answers, but fails or is late now and then
    DOWN = "down"
    NEEDS_LOGIN = "needs_login"  # its credentials are missing, expired or revoked: somebody has to connect it again
    DENIED = "denied"  # knows who asks, and refuses


class UpstreamFailed(Exception):
    """The upstream could not do what was asked; `health` is what that says of it.

    The message is a sentence fit to show to clients: no secret, no internal address, nothing an attacker wrote.
    """

    def __init__(self, sentence: str, health: Health = Health.DOWN) -> None:
        super().__init__(sentence)
        self.health = health


@dataclass(slots=True)
class UpstreamDraft:
    """An upstream as its author wrote it. `secrets` are in clear here and nowhere after; an empty one is removed.

    `material` is what was uploaded or pasted: an OpenAPI document, an SDL, a descriptor set, an SQLite file. None
    leaves what is stored.
    """

    config: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    material: bytes | None = None


@dataclass(frozen=True, slots=True)
class RefusedOperation:
    """Something an upstream offers that cannot become a tool, prompt or resource, and the reason in a sentence."""

    name: str
    reason: str


@dataclass(slots=True)
class Discovery:
    """What an upstream offers. Names are the upstream's own, unique within their list; the platform renames.

    `config` of each draft is its *operation*: all that the source needs to serve it later, without `material`.
    `speaks` tells people what was found ("OpenAPI 3.1", "MCP 2025-11-25", "PostgreSQL 18.6").
    """

    tools: list[ToolDraft] = field(default_factory=list)
    prompts: list[PromptDraft] = field(default_factory=list)
    resources: list[ResourceDraft] = field(default_factory=list)
    refused: list[RefusedOperation] = field(default_factory=list)
    instructions: str = ""
    speaks: str = ""


# Tells how far a long discovery is: what is done, of how many (0: not known), and a few words on what is being done.
type Report = Callable[[int, int, str], Awaitable[None]]


class Credentials(Protocol):
    """What the vault holds for an upstream, in clear only while it is used: never kept, never logged."""

    async def secrets(self) -> Mapping[str, str]:
        """The static secrets by the names that the source gave them."""

    async def token(self, principal: str) -> str | None:
        """A fresh OAuth access token for the caller; None where the upstream is not connected by OAuth.

        Raises UpstreamFailed(NEEDS_LOGIN) where somebody has to log in first. Probes and discovery pass "".
        """

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        """The upstream refused `token` with this WWW-Authenticate: by 401, or by 403 for want of scope.

        Whether to try once more with a new one. What the challenge asks for beyond it, the next login asks for.
        """


@dataclass(frozen=True, slots=True)
class Line:
    """What a source reaches its upstream with. `http` is the one way out; a source opens no sockets beside it
    unless `core.outbound` resolved and allowed the address.

    `material` loads what was uploaded. `changed` is called with "tools", "prompts" or "resources" when the upstream
    says that a list changed. `parking` is where calls wait at their upstream for what
    their client brings later; without it they are begun again.
    """

    tenant_id: str
    upstream_id: str
    http: Client
    credentials: Credentials
    material: Callable[[], Awaitable[bytes]]
    changed: Callable[[str], None] = lambda _kind: None
    parking: "Parking | None" = None


class OpenUpstream(Protocol):
    """An upstream in use, in one event loop. Opening it has connected to nothing yet.

    Handlers raise UpstreamFailed where the upstream failed, and return error results where it answered with an error.
    They keep the deadline of their context, and end what they began when they are cancelled.
    """

    async def discover(self, report: Report) -> Discovery:
        """What it offers now. Raises UpstreamFailed; bounded in time, bytes and entries."""

    async def probe(self) -> None:
        """Asks it the cheapest thing that proves that calls would work. Raises UpstreamFailed."""

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How an operation is called. Raises InvalidConfig for one that it cannot serve."""

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """How a prompt is got. Raises InvalidConfig."""

    def resource(self, operation: dict[str, Any]) -> CompiledResource:
        """How a resource is read. Raises InvalidConfig."""

    async def close(self) -> None:
        """Ends its connections; calls that are under way fail."""


class Listening(Protocol):
    """What is heard of an upstream. URIs are the upstream's own, which are those that clients read by."""

    def watch(self, uri: str) -> bool:
        """Wants to hear of this resource; whether that is possible."""

    def unwatch(self, uri: str) -> None:
        """Wants to hear of it no more."""

    async def run(self, updated: Callable[[str], None]) -> None:
        """Listens until it is cancelled; `updated` is called with the URI of a resource that may have changed.

        Lists that may have changed go to `Line.changed`.
        """


@runtime_checkable
class Telling(Protocol):
    """An open upstream that tells of changes, while `listening` runs.

    It is listened to with the credentials that probes have, and never with those of a person.
    """

    listening: Listening


class ToolsAlone:
    """For kinds of upstream that offer tools and nothing else."""

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """Raises InvalidConfig."""
        raise InvalidConfig({"config": "This kind of upstream has no prompts."})

    def resource(self, operation: dict[str, Any]) -> CompiledResource:
        """Raises InvalidConfig."""
        raise InvalidConfig({"config": "This kind of upstream has no resources."})


class UpstreamSource(Protocol):
    """A kind of upstream."""

    kind: str
    title: str

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft with its configuration completed; runs in the control plane and reaches nothing.

        Raises InvalidConfig naming each wrong field, `config.url` or `secrets.password`.
        """

    def destination(self, config: dict[str, Any]) -> str:
        """Where the secrets go ("https://api.example.com", "postgresql://db.example.com:5432"): they are sealed for
        it, so that pointing an upstream elsewhere does not take them along."""

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The upstream, ready to be used. Raises InvalidConfig."""
