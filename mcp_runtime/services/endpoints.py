"""Endpoints: create, change, delete. Each service runs inside the actor's tenant context."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from billing.entitlements import Limit, require_room
from billing.resale.ending import offers_end
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, LoginsAt
from mcp_runtime.services.metadata import require_endpoint_icons, require_website
from mcp_runtime.services.publish import announce, publish
from mcp_runtime.services.withdrawing import hosts_announce, hosts_forget
from tenants.access import Actor, Permission
from tenants.models.tenant import is_slug
from tenants.validation import cleaned, refused_fields
from tenants.vault.revocations import holder_forget
from tenants.vault.secrets import secrets_forget

MAXIMUM_ORIGINS = 50
LARGEST_PORT = 65_535
OWN_PORTS = {"http": 80, "https": 443}
# Hosts as browsers send them: international names in their ASCII form (RFC 5890), IPv6 in brackets.
ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20}|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)


_changed: ContextVar[Endpoint | None] = ContextVar("changed_endpoint", default=None)


@dataclass(frozen=True, slots=True)
class Presentation:
    """What clients and catalogues show of an endpoint beside its name; `listed`: whether a catalogue names it."""

    description: str = ""
    website_url: str = ""
    icons: list[dict[str, Any]] = field(default_factory=list)
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Logins:
    """Which access tokens an endpoint takes; `requires_proof`: those alone that are bound to a key (RFC 9449).

    `at`: whose they are.
    """

    requires_proof: bool = False
    at: str = LoginsAt.OWN


def endpoint_for(endpoint_slug: str, *, lock: bool = False) -> Endpoint:
    """The endpoint of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = Endpoint.objects.select_for_update() if lock else Endpoint.objects.all()
    endpoint = rows.filter(slug=endpoint_slug).first() if is_slug(endpoint_slug) else None
    if endpoint is None:
        raise Refused(refusals.NOT_FOUND)
    return endpoint


@contextmanager
def changing(*, actor: Actor, endpoint_slug: str) -> Iterator[Endpoint]:
    """The endpoint, held against other changes of what it offers; what was written in the block is published after it.

    Blocks nest: many changes inside one block become one version, published once. Raises Refused: PERMISSION_DENIED,
    NOT_FOUND.
    """
    actor.require(Permission.EDIT_ENDPOINTS)
    with changing_unasked(tenant_id=actor.tenant.id, endpoint_slug=endpoint_slug) as endpoint:
        yield endpoint


@contextmanager
def changing_unasked(*, tenant_id: UUID, endpoint_slug: str) -> Iterator[Endpoint]:
    """The same for the platform itself: what imports and probes find is nobody's act. Raises Refused(NOT_FOUND)."""
    held = _changed.get()
    if held is not None and (held.tenant_id, held.slug) == (tenant_id, endpoint_slug):
        yield held
        return
    endpoint = endpoint_for(endpoint_slug, lock=True)
    token = _changed.set(endpoint)
    try:
        yield endpoint
    finally:
        _changed.reset(token)
    publish(endpoint)


def endpoint_create(
    *,
    actor: Actor,
    slug: str,
    name: str,
    instructions: str = "",
    access: str = "key",
    allowed_origins: list[str] | None = None,
    presentation: Presentation | None = None,
    logins: Logins | None = None,
) -> Endpoint:
    """Makes an endpoint without tools. Raises Refused: CONFLICT (slug in use), LIMIT_REACHED (the plan's)."""
    actor.require(Permission.EDIT_ENDPOINTS)
    # Holds the entitlement against a second creation, so that neither the limit nor a slug is passed twice.
    require_room(actor.tenant.id, Limit.ENDPOINTS, Endpoint.objects.count, what="endpoints")
    endpoint = Endpoint(
        tenant=actor.tenant,
        slug=slug,
        name=name.strip(),
        instructions=instructions,
        access=access,
        allowed_origins=_origins(allowed_origins or []),
    )
    _present(endpoint, presentation)
    endpoint.is_default = _becomes_default()
    _let_in(endpoint, logins)
    cleaned(endpoint).save()
    publish(endpoint)
    return endpoint


def endpoint_update(
    *,
    actor: Actor,
    endpoint_slug: str,
    name: str,
    instructions: str,
    access: str,
    allowed_origins: list[str],
    presentation: Presentation | None = None,
    logins: Logins | None = None,
) -> Endpoint:
    """Changes an endpoint; its slug, which clients hold in their URLs, stays; and so does what is None."""
    actor.require(Permission.EDIT_ENDPOINTS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    endpoint.name = name.strip()
    endpoint.instructions = instructions
    endpoint.access = access
    endpoint.allowed_origins = _origins(allowed_origins)
    _present(endpoint, presentation)
    _let_in(endpoint, logins)
    cleaned(endpoint).save()
    publish(endpoint)
    return endpoint


def endpoint_delete(*, actor: Actor, endpoint_slug: str) -> UUID:
    """Deletes an endpoint with its tools, upstreams and keys; its URL answers 404 within a second."""
    actor.require(Permission.EDIT_ENDPOINTS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    endpoint_id = endpoint.pk
    announce(endpoint)
    for upstream_id in endpoint.upstreams.values_list("pk", flat=True):
        secrets_forget(holder=upstream_id)
        holder_forget(tenant_id=actor.tenant.id, holder=upstream_id, by=actor.user)
    offers_end(endpoint.pk)
    hosts_forget(endpoint)
    hosts_announce(actor.tenant.id)
    endpoint.delete()
    return endpoint_id


def _becomes_default() -> bool:
    """Whether a new endpoint is the one at the tenant's host. The only one there is stays it, now that it is joined."""
    others = list(Endpoint.objects.all()[:2])
    if len(others) == 1 and not others[0].is_default:
        Endpoint.objects.filter(pk=others[0].pk).update(is_default=True)
    return not others


def _present(endpoint: Endpoint, presentation: Presentation | None) -> None:
    if presentation is None:
        return
    require_website(presentation.website_url)
    require_endpoint_icons(presentation.icons)
    endpoint.description = presentation.description.strip()
    endpoint.website_url = presentation.website_url
    endpoint.icons = presentation.icons
    endpoint.listed = presentation.listed


def _let_in(endpoint: Endpoint, logins: Logins | None) -> None:
    if logins is not None:
        endpoint.requires_proof, endpoint.logins = logins.requires_proof, logins.at


def _origins(origins: list[str]) -> list[str]:
    """Web origins (RFC 6454), normalised; raises Refused(INVALID_INPUT) for anything else."""
    if len(origins) > MAXIMUM_ORIGINS:
        raise refused_fields({"allowed_origins": f"List at most {MAXIMUM_ORIGINS}."})
    return sorted({_origin(origin.strip()) for origin in origins if origin.strip()})


def _origin(origin: str) -> str:
    found = ORIGIN.fullmatch(origin.lower())
    if found is None or int(found["port"] or 0) > LARGEST_PORT:
        raise refused_fields({"allowed_origins": f"{origin} is not an origin such as https://app.example.com."})
    # Browsers leave out the scheme's own port (RFC 6454 section 6.2).
    own = OWN_PORTS[found["scheme"]]
    port = f":{int(found['port'])}" if found["port"] and int(found["port"]) != own else ""
    return f"{found['scheme']}://{found['host']}{port}"
