"""Offers of endpoints and tools: made, changed, put on sale, withdrawn. Each opens contexts of its own.

Prices are for those who manage what the tenant pays: who edits endpoints may not set any.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.resale import offers
from billing.resale.models import Offer, Purchase
from billing.resale.public import PublicOffer
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from tenants.access import Actor, Permission
from tenants.models import Tenant
from tenants.models.tenant import is_slug
from tenants.validation import refused_fields

MAXIMUM_TOOLS = 2_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What is sold for what: `tools` None is all of the endpoint, `amount` in the currency's smallest unit."""

    endpoint_slug: str
    tools: list[str] | None
    kind: str
    amount: Decimal
    currency: str


def offer_create(*, actor: Actor, slug: str, name: str, description: str, terms: Terms) -> Offer:
    """A draft of an offer. Raises Refused: PERMISSION_DENIED, INVALID_INPUT (also for an endpoint or tools that there
    are not), CONFLICT for a slug in use, LIMIT_REACHED."""
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        return offers.offer_made(actor=actor, wanted=_wanted(slug, name, description, terms))


def offer_update(*, actor: Actor, slug: str, name: str, description: str, terms: Terms | None = None) -> Offer:
    """Changes an offer: name and description; of a draft the terms too, if given.

    Raises Refused: PERMISSION_DENIED, NOT_FOUND, INVALID_INPUT, CONFLICT for other terms of what was on sale.
    """
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        offer = offers.offer_held(slug)
        wanted = _wanted(slug, name, description, terms) if terms else _same(offer, name, description)
        return offers.offer_changed(actor=actor, offer=offer, wanted=wanted)


def offer_delete(*, actor: Actor, slug: str) -> None:
    """Deletes a draft. Raises Refused: PERMISSION_DENIED, NOT_FOUND, CONFLICT for what was on sale."""
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        offers.offer_deleted(actor=actor, offer=offers.offer_held(slug))


def offer_put_on_sale(*, actor: Actor, slug: str) -> Offer:
    """Puts a draft on sale. Raises Refused: PERMISSION_DENIED, NOT_FOUND, SELLER_NOT_READY, INVALID_INPUT where the
    endpoint or a tool is gone, CONFLICT for what was withdrawn, PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE."""
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        offer = offers.offer_held(slug)
        _require_there(Endpoint.objects.filter(pk=offer.endpoint_id).first(), offer.tools)
    return offers.offer_sold(actor=actor, offer=offer)


def offer_withdraw(*, actor: Actor, slug: str) -> Offer:
    """Sells it to nobody else; who bought it keeps it. Raises Refused: PERMISSION_DENIED, NOT_FOUND, CONFLICT for a
    draft."""
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        return offers.offer_off_sale(actor=actor, offer=offers.offer_held(slug))


def public_tools(offer: PublicOffer) -> list[tuple[str, str, str]]:
    """Name, title and description of what an offer's buyers may call, by name. Opens a context of its own."""
    with tenant_context(offer.tenant_id):
        rows = Tool.objects.filter(endpoint_id=offer.endpoint_id, enabled=True)
        if offer.tools is not None:
            rows = rows.filter(name__in=offer.tools)
        return list(rows.order_by("name").values_list("name", "title", "description"))


def purchase_endpoint(purchase: Purchase) -> tuple[Tenant, Endpoint] | None:
    """Where a purchase's key is used: the seller and the endpoint; None where either is gone. Opens its own context."""
    with tenant_context(purchase.tenant_id):
        offer = Offer.objects.filter(pk=purchase.offer_id).first()
        endpoint = Endpoint.objects.select_related("tenant").filter(pk=offer.endpoint_id).first() if offer else None
    return (endpoint.tenant, endpoint) if endpoint else None


def _wanted(slug: str, name: str, description: str, terms: Terms) -> offers.Wanted:
    endpoint_id = _require_there(_endpoint(terms.endpoint_slug), terms.tools)
    tools = None if terms.tools is None else sorted(set(terms.tools))
    return offers.Wanted(
        endpoint_id, slug, name, description, tools, terms.kind, terms.amount, terms.currency.strip().lower()
    )


def _same(offer: Offer, name: str, description: str) -> offers.Wanted:
    return offers.Wanted(
        offer.endpoint_id, offer.slug, name, description, offer.tools, offer.kind, offer.amount, offer.currency
    )


def _endpoint(slug: str) -> Endpoint | None:
    return Endpoint.objects.filter(slug=slug).first() if is_slug(slug) else None


def _require_there(endpoint: Endpoint | None, tools: list[str] | None) -> UUID:
    """The endpoint's id. Raises Refused(INVALID_INPUT) unless it and all tools are there."""
    if endpoint is None:
        raise refused_fields({"endpoint_slug": "There is no such endpoint."})
    if tools is not None:
        if not tools or len(tools) > MAXIMUM_TOOLS:
            raise refused_fields({"tools": f"Choose 1 to {MAXIMUM_TOOLS} tools, or sell all."})
        known = set(Tool.objects.filter(endpoint=endpoint).values_list("name", flat=True))
        if unknown := sorted(set(tools) - known):
            raise refused_fields({"tools": f"{', '.join(unknown)}: no such tool on this endpoint."})
    return endpoint.pk
