"""What the data plane knows of an endpoint: immutable, built by the control plane, decoded once by each worker."""

from typing import Any

import msgspec


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


class KeySnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One access key that was neither revoked nor expired when published. Times are seconds since the epoch."""

    id: str
    digest: str
    expires_at: float | None = None
    tools: list[str] | None = None


class EndpointSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One endpoint, whole."""

    tenant_id: str
    endpoint_id: str
    endpoint_slug: str
    name: str
    version: int
    access: str
    instructions: str = ""
    allowed_origins: list[str] = []
    tools: list[ToolSnapshot] = []
    keys: list[KeySnapshot] = []


SECRETS_PURPOSE = "tool secrets"


class EndpointChanged(msgspec.Struct, frozen=True, omit_defaults=True):
    """A notification: an endpoint changed (or all of a tenant's, if `endpoint` is empty), or a session of it ended."""

    tenant_id: str
    endpoint: str = ""  # slug
    version: int = 0
    ended_session: str = ""  # digest of the session id


def secrets_bound_to(tenant_id: str, tool_id: str) -> str:
    """What a tool's sealed secrets are bound to: a row copied to another tenant or tool cannot be opened."""
    return f"{tenant_id}/{tool_id}"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(EndpointSnapshot).decode
