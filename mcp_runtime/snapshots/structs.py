"""What the data plane knows of an endpoint: immutable, built by the control plane, decoded once by each worker."""

from typing import Any

import msgspec

from mcp_runtime.guardrails.policy import NO_GUARD, Guard


class CallCuration(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an author changed about the calls of an imported tool. `project` are JSON Pointers (RFC 6901)."""

    fixed: dict[str, Any] = {}
    project: list[str] = []
    maximum_bytes: int | None = None
    guard: Guard = NO_GUARD

    @property
    def is_nothing(self) -> bool:
        """Whether calls go through as they are."""
        return not (self.fixed or self.project or self.maximum_bytes) and self.guard.is_off


NO_CURATION = CallCuration()


class UpstreamSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One enabled upstream. `revision` rises with each change of what it is opened with, its secrets included.

    `since` is in seconds since the epoch; `connect_url` is the page on which a person repairs it.
    """

    id: str
    slug: str
    name: str
    kind: str
    config: dict[str, Any] = {}
    revision: int = 0
    health: str = "ok"
    reason: str = ""
    since: float = 0
    connect_url: str = ""
    quarantined: bool = False


class ToolSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One enabled tool. `secrets` are sealed for SECRETS_PURPOSE and bound to `secrets_bound_to`."""

    id: str
    name: str
    source: str
    input_schema: dict[str, Any]
    title: str = ""
    description: str = ""
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] = {}
    config: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    # Passed on as they are: `_meta` of the tool, its icons; and whether a call may, or must, become a task.
    meta: dict[str, Any] = {}
    icons: list[dict[str, Any]] = []
    task: str = "forbidden"
    calls_per_minute: int | None = None
    # Of an imported tool: its upstream's id, how its calls are changed, and how long one may take, in seconds.
    upstream: str = ""
    curation: CallCuration = NO_CURATION
    seconds: float | None = None


class PromptSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One enabled prompt. `arguments` are PromptArguments of the protocol; `meta` is passed on as it is."""

    id: str
    name: str
    source: str
    title: str = ""
    description: str = ""
    arguments: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    icons: list[dict[str, Any]] = []
    upstream: str = ""


class ResourceSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One enabled resource, or a template of them. `meta` is its `_meta`, passed on as it is."""

    id: str
    uri: str
    name: str
    source: str
    is_template: bool = False
    title: str = ""
    description: str = ""
    mime_type: str = ""
    meta: dict[str, Any] = {}
    icons: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    upstream: str = ""


class KeySnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One access key that was neither revoked nor expired when published. Times are seconds since the epoch."""

    id: str
    digest: str
    expires_at: float | None = None
    tools: list[str] | None = None
    calls_per_minute: int | None = None


class EndpointSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One endpoint, whole."""

    tenant_id: str
    endpoint_id: str
    endpoint_slug: str
    name: str
    version: int
    access: str
    instructions: str = ""
    description: str = ""
    website_url: str = ""
    icons: list[dict[str, Any]] = []
    listed: bool = False
    allowed_origins: list[str] = []
    tools: list[ToolSnapshot] = []
    prompts: list[PromptSnapshot] = []
    resources: list[ResourceSnapshot] = []
    keys: list[KeySnapshot] = []
    upstreams: list[UpstreamSnapshot] = []
    # Names of tools, or how they begin, that each group's members may use; None: no rules, and so all for everybody.
    tool_rules: dict[str, list[str]] | None = None
    requires_proof: bool = False
    logins: str = "own"
    # What callers are told while it is stopped, and since when, in seconds since the epoch.
    stopped: str = ""
    stopped_since: float = 0


SECRETS_PURPOSE = "tool secrets"


class EndpointChanged(msgspec.Struct, frozen=True, omit_defaults=True):
    """A notification: an endpoint changed (or all of a tenant's, if `endpoint` is empty), or a part of it did."""

    tenant_id: str
    endpoint: str = ""  # slug
    version: int = 0
    ended_session: str = ""  # digest of the session id
    task: str = ""  # id of a task of it, which alone changed
    limits: bool = False  # the tenant's plan or limit changed, and nothing else
    hosts: bool = False  # which endpoints are at the tenant's hosts, and nothing else
    holder: str = ""  # id of what credentials are held for, which alone changed


def secrets_bound_to(tenant_id: str, tool_id: str) -> str:
    """What a tool's sealed secrets are bound to: a row copied to another tenant or tool cannot be opened."""
    return f"{tenant_id}/{tool_id}"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(EndpointSnapshot).decode
