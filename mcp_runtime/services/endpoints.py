"""Endpoints: create, change, delete. Each service runs inside the actor's tenant context."""

from urllib.parse import urlsplit
from uuid import UUID

from billing.plans import plan_of
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint
from mcp_runtime.services.publish import announce, publish
from tenants.access import Actor, Permission
from tenants.validation import cleaned

MAXIMUM_ORIGINS = 50


def endpoint_for(endpoint_slug: str, *, lock: bool = False) -> Endpoint:
    """The endpoint of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = Endpoint.objects.select_for_update() if lock else Endpoint.objects.all()
    endpoint = rows.filter(slug=endpoint_slug).first()
    if endpoint is None:
        raise Refused(refusals.NOT_FOUND)
    return endpoint


def endpoint_create(
    *,
    actor: Actor,
    slug: str,
    name: str,
    instructions: str = "",
    access: str = "key",
    allowed_origins: list[str] | None = None,
) -> Endpoint:
    """Makes an endpoint without tools. Raises Refused: CONFLICT (slug in use), LIMIT_REACHED (the plan's)."""
    actor.require(Permission.EDIT_ENDPOINTS)
    limit = plan_of(actor.tenant.plan).endpoints
    if limit is not None and Endpoint.objects.count() >= limit:
        raise Refused(refusals.LIMIT_REACHED, f"Your plan allows {limit} endpoints.")
    endpoint = Endpoint(
        tenant=actor.tenant,
        slug=slug,
        name=name.strip(),
        instructions=instructions,
        access=access,
        allowed_origins=_origins(allowed_origins or []),
    )
    cleaned(endpoint).save()
    publish(endpoint)
    return endpoint


def endpoint_update(
    *, actor: Actor, endpoint_slug: str, name: str, instructions: str, access: str, allowed_origins: list[str]
) -> Endpoint:
    """Changes an endpoint; its slug, which clients hold in their URLs, stays."""
    actor.require(Permission.EDIT_ENDPOINTS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    endpoint.name = name.strip()
    endpoint.instructions = instructions
    endpoint.access = access
    endpoint.allowed_origins = _origins(allowed_origins)
    cleaned(endpoint).save()
    publish(endpoint)
    return endpoint


def endpoint_delete(*, actor: Actor, endpoint_slug: str) -> UUID:
    """Deletes an endpoint with its tools and keys; its URL answers 404 within a second."""
    actor.require(Permission.EDIT_ENDPOINTS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    endpoint_id = endpoint.pk
    announce(endpoint)
    endpoint.delete()
    return endpoint_id


def _origins(origins: list[str]) -> list[str]:
    """Web origins (RFC 6454), normalised; raises Refused(INVALID_INPUT) for anything else."""
    if len(origins) > MAXIMUM_ORIGINS:
        raise Refused(refusals.INVALID_INPUT, f"allowed_origins: at most {MAXIMUM_ORIGINS}.")
    return sorted({_origin(origin.strip()) for origin in origins if origin.strip()})


def _origin(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        plain = f"{parts.scheme}://{parts.netloc}".lower()
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and origin.lower().rstrip("/") == plain
    except ValueError:
        valid, plain = False, ""
    if not valid or "@" in plain:
        sentence = f"{origin} is not an origin such as https://app.example.com."
        raise Refused(
            refusals.INVALID_INPUT, f"allowed_origins: {sentence}", {"fields": {"allowed_origins": [sentence]}}
        )
    return plain
