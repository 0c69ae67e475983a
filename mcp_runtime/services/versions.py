"""Versions of what an endpoint offers: recorded with each change, held back, gone back to.

Only content has versions. Who may call, keys, origins, secrets and upstreams are always those of now: going back must
not bring back what was revoked.
"""

import hashlib
from typing import Any

import msgspec

from mcp_runtime.models import Endpoint, EndpointVersion
from mcp_runtime.snapshots.structs import EndpointSnapshot, ToolSnapshot, decode, encode

MAXIMUM_VERSIONS = 50
_CONTENT = ("name", "instructions", "description", "website_url", "icons", "tools", "prompts", "resources")


def version_record(endpoint: Endpoint, snapshot: EndpointSnapshot) -> None:
    """Remembers what is offered now, if it is something else than before; forgets all but MAXIMUM_VERSIONS."""
    document = encode(_content(snapshot))
    digest = hashlib.sha256(document).hexdigest()
    rows = EndpointVersion.objects.filter(endpoint=endpoint).order_by("-version")
    if rows.values_list("digest", flat=True).first() == digest:
        return
    EndpointVersion.objects.create(
        tenant_id=endpoint.tenant_id, endpoint=endpoint, version=endpoint.version, document=document, digest=digest
    )
    kept = list(rows.values_list("version", flat=True)[:MAXIMUM_VERSIONS])
    held = [] if endpoint.held_version is None else [endpoint.held_version]
    rows.filter(version__lt=kept[-1]).exclude(version__in=held).delete()


def version_held(endpoint: Endpoint, latest: EndpointSnapshot) -> EndpointSnapshot | None:
    """What is served while an earlier version is held: its content, and everything else as it is now."""
    if endpoint.held_version is None:
        return None
    found = EndpointVersion.objects.filter(endpoint=endpoint, version=endpoint.held_version).first()
    if found is None:
        return None
    held = content_of(found)
    now = {tool.id: tool for tool in latest.tools}
    content: dict[str, Any] = {name: getattr(held, name) for name in _CONTENT}
    tools = [_with_secrets(tool, now.get(tool.id)) for tool in held.tools]
    return msgspec.structs.replace(latest, **content | {"tools": tools})


def content_of(version: EndpointVersion) -> EndpointSnapshot:
    """What an endpoint offered at a version."""
    return decode(bytes(version.document))


def _with_secrets(tool: ToolSnapshot, now: ToolSnapshot | None) -> ToolSnapshot:
    return msgspec.structs.replace(tool, secrets=now.secrets if now else {})


def _content(snapshot: EndpointSnapshot) -> EndpointSnapshot:
    """The snapshot without anything that has no versions."""
    content: dict[str, Any] = {name: getattr(snapshot, name) for name in _CONTENT}
    content["tools"] = [_with_secrets(tool, None) for tool in snapshot.tools]
    return EndpointSnapshot(
        tenant_id=snapshot.tenant_id,
        endpoint_id=snapshot.endpoint_id,
        endpoint_slug=snapshot.endpoint_slug,
        version=0,
        access="",
        **content,
    )
