"""Holding a version of an endpoint, letting it go, and what changed between two. Runs inside a tenant context."""

from dataclasses import dataclass, field

from django.db.models import QuerySet

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, EndpointVersion
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.versions import content_of
from mcp_runtime.snapshots.structs import EndpointSnapshot
from tenants.access import Actor
from tenants.validation import LARGEST_INTEGER


@dataclass(frozen=True, slots=True)
class Difference:
    """What one version offers and another does not, by name; resources by URI."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def versions_of(endpoint: Endpoint) -> QuerySet[EndpointVersion]:
    """The remembered versions, the latest first, without their documents."""
    return EndpointVersion.objects.filter(endpoint=endpoint).defer("document").order_by("-version")


def version_of(endpoint: Endpoint, version: int) -> EndpointVersion:
    """One version; raises Refused(NOT_FOUND)."""
    known = 0 < version <= LARGEST_INTEGER
    found = EndpointVersion.objects.filter(endpoint=endpoint, version=version).first() if known else None
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def version_hold(*, actor: Actor, endpoint_slug: str, version: int) -> Endpoint:
    """Serves a version from now on, whatever is changed; what is changed is served below `/preview`."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        endpoint.held_version = version_of(endpoint, version).version
        endpoint.save(update_fields=["held_version", "updated_at"])
        return endpoint


def version_release(*, actor: Actor, endpoint_slug: str) -> Endpoint:
    """Serves the latest again, with every change to come."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        endpoint.held_version = None
        endpoint.save(update_fields=["held_version", "updated_at"])
        return endpoint


def difference(before: EndpointVersion, after: EndpointVersion) -> dict[str, Difference]:
    """What changed from one version to another, by kind: tools, prompts, resources, texts."""
    old, new = content_of(before), content_of(after)
    kinds = ("tools", "prompts", "resources")
    found = {kind: _between(_named(old, kind), _named(new, kind)) for kind in kinds}
    texts = ("name", "instructions", "description", "website_url")
    return found | {"texts": Difference(changed=[name for name in texts if getattr(old, name) != getattr(new, name)])}


def _named(content: EndpointSnapshot, kind: str) -> dict[str, object]:
    if kind == "resources":
        return {item.uri: item for item in content.resources}
    return {item.name: item for item in getattr(content, kind)}


def _between(old: dict[str, object], new: dict[str, object]) -> Difference:
    return Difference(
        added=sorted(new.keys() - old.keys()),
        changed=sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        removed=sorted(old.keys() - new.keys()),
    )
