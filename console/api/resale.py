"""Resale: what a tenant sells, who bought it, and what it brought."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from billing.resale import revenue, selectors
from billing.resale.models import Offer, OfferKind, OfferState, PurchaseStanding, SellerAccount
from billing.resale.pricing import decimal_of
from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services import offers
from tenants.access import Permission
from tenants.validation import refused_fields

router = Router(tags=["Resale"])

_SMALLEST = "In the currency's smallest unit (cents; yen), as a decimal number in a string."


class SellerAccountOut(Schema):
    """The tenant's account at Stripe."""

    account_id: str
    country: str
    currency: str
    charges_enabled: bool = Field(description="Whether buyers can pay into it.")
    payouts_enabled: bool = Field(description="Whether Stripe pays out to its owner.")
    requirements_due: list[str] = Field(description="What Stripe still wants to know, by its own names.")


class OfferOut(Schema):
    """An endpoint, or some of its tools, for a price."""

    id: UUID
    slug: str
    name: str
    description: str
    endpoint_slug: str | None = Field(description="The endpoint's slug; null once it is deleted.")
    tools: list[str] | None = Field(description="Names of tools; null: all, also those made later.")
    kind: OfferKind = Field(description="monthly: paid ahead for each month. per_call: for calls that end well.")
    amount: str = Field(description=_SMALLEST)
    currency: str
    state: OfferState
    fee_percent: str | None = Field(description="What the platform keeps of each payment; null before it is on sale.")
    address: str = Field(description="Where it is bought once it is on sale.")
    created_at: Moment


class OfferIn(Body):
    """A new offer. Nobody sees it before it is put on sale."""

    slug: str = Field(description="1 to 40 lower case letters, digits and hyphens: the end of its page's address.")
    name: str = Field(description="1 to 80 characters.")
    description: str = Field(default="", description="At most 4,000 characters.")
    endpoint_slug: str = Field(description="The endpoint's slug.")
    tools: list[str] | None = Field(default=None, description="Names of tools; null: all, also those made later.")
    kind: str = Field(description="monthly or per_call.")
    amount: str = Field(max_length=60, description=_SMALLEST)
    currency: str = Field(description="Three letters (ISO 4217), such as usd.")


class OfferPatch(Body):
    """What to change; what is left out stays."""

    name: str = Field(default_factory=str)
    description: str = Field(default_factory=str)


class PurchaseOut(Schema):
    """What somebody bought."""

    id: UUID
    email: str
    standing: PurchaseStanding
    period_start: Moment | None
    period_end: Moment | None
    cancel_at: Moment | None
    created_at: Moment


class RevenueOut(Schema):
    """What an offer brought in a month, in one currency."""

    offer: str = Field(description="Its slug.")
    currency: str
    calls: int = Field(description="Calls that were billed.")
    gross: int = Field(description="What buyers paid, in the currency's smallest unit.")
    fee: int = Field(description="What the platform kept of it.")
    refunded: int = Field(description="What was given back.")
    net: int = Field(description="What the seller has, before Stripe's own fees.")


class RevenueOfMonth(Schema):
    """A month (UTC), by offer."""

    month: str
    offers: list[RevenueOut]


class Offers(Page[OfferOut]):
    """Offers, the earliest first."""


class Purchases(Page[PurchaseOut]):
    """Purchases, the earliest first."""


class Month(Schema):
    """Which month to show."""

    month: str = Field(default="", pattern=r"^(\d{4}-\d{2})?$", description="Such as 2026-11; left out: this one.")


@router.get("/resale/account", response=answers(200, SellerAccountOut, 404), summary="Show the seller's account")
def seller_account_show(request: ApiRequest) -> SellerAccount:
    """It is connected in the console, by a person."""
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        account = selectors.seller_account()
    if account is None or account.disconnected_at is not None:
        raise Refused(refusals.NOT_FOUND, "No account is connected.")
    return account


@router.get("/resale/offers", response=answers(200, Offers, 422), summary="List the offers")
def offer_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        found = page_of(selectors.offers(), paging)
        return found | {"items": [_told(offer) for offer in found["items"]]}


@router.post("/resale/offers", response=written(201, OfferOut, 404), summary="Make an offer")
def offer_create(request: ApiRequest, payload: OfferIn) -> Status[dict[str, Any]]:
    amount = decimal_of(payload.amount)
    terms = offers.Terms(payload.endpoint_slug, payload.tools, payload.kind, amount, payload.currency)
    made = offers.offer_create(
        actor=request.auth, slug=payload.slug, name=payload.name, description=payload.description, terms=terms
    )
    return Status(201, _shown(request, made))


@router.get("/resale/offers/{slug:offer}", response=answers(200, OfferOut, 404), summary="Show an offer")
def offer_show(request: ApiRequest, offer: str) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        return _told(selectors.offer_by_slug(offer))


@router.patch("/resale/offers/{slug:offer}", response=written(200, OfferOut, 404), summary="Change an offer's words")
def offer_change(request: ApiRequest, offer: str, payload: OfferPatch) -> dict[str, Any]:
    """Its price and what it sells stay: withdraw it and make another."""
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        current = selectors.offer_by_slug(offer)
    kept = {"name": current.name, "description": current.description}
    changed = offers.offer_update(actor=request.auth, slug=offer, **kept | payload.model_dump(exclude_unset=True))
    return _shown(request, changed)


@router.delete("/resale/offers/{slug:offer}", response=answers(204, None, 404, 409), summary="Delete a draft")
def offer_delete(request: ApiRequest, offer: str) -> Status[None]:
    """What was on sale is kept: withdraw it."""
    offers.offer_delete(actor=request.auth, slug=offer)
    return Status(204, None)


@router.post("/resale/offers/{slug:offer}/sell", response=answers(200, OfferOut, 404, 409), summary="Put it on sale")
def offer_sell(request: ApiRequest, offer: str) -> dict[str, Any]:
    """From then on its price, its tools and its endpoint stay as they are."""
    return _shown(request, offers.offer_put_on_sale(actor=request.auth, slug=offer))


@router.post("/resale/offers/{slug:offer}/withdraw", response=answers(200, OfferOut, 404, 409), summary="Withdraw it")
def offer_withdraw(request: ApiRequest, offer: str) -> dict[str, Any]:
    """Nobody else can buy it; those who did go on."""
    return _shown(request, offers.offer_withdraw(actor=request.auth, slug=offer))


@router.get(
    "/resale/offers/{slug:offer}/purchases", response=answers(200, Purchases, 404, 422), summary="List its purchases"
)
def purchase_list(request: ApiRequest, offer: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        return page_of(selectors.purchases(selectors.offer_by_slug(offer)), paging)


@router.get("/resale/revenue", response=answers(200, RevenueOfMonth, 422), summary="Show what a month brought")
def revenue_show(request: ApiRequest, wanted: Query[Month]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_BILLING)
    month = _month(wanted.month)
    with tenant_context(request.auth.tenant.id):
        rows = [
            {
                "offer": row.offer.slug,
                "currency": row.currency,
                "calls": row.calls,
                "gross": row.gross,
                "fee": row.fee,
                "refunded": row.refunded,
                "net": row.net,
            }
            for row in revenue.revenue(month)
        ]
    return {"month": f"{month:%Y-%m}", "offers": rows}


def _month(said: str) -> date:
    """The first day of a month; raises Refused(INVALID_INPUT) for one that there is not."""
    try:
        return date.fromisoformat(f"{said}-01") if said else timezone.now().date().replace(day=1)
    except ValueError:
        raise refused_fields({"month": "There is no such month."}) from None


def _shown(request: ApiRequest, offer: Offer) -> dict[str, Any]:
    with tenant_context(request.auth.tenant.id):
        return _told(offer)


def _told(offer: Offer) -> dict[str, Any]:
    """Inside the tenant's context."""
    names = ("id", "slug", "name", "description", "tools", "kind", "currency", "state", "created_at")
    return {name: getattr(offer, name) for name in names} | {
        "endpoint_slug": Endpoint.objects.filter(pk=offer.endpoint_id).values_list("slug", flat=True).first(),
        "address": settings.CONSOLE_URL + reverse("buy", args=[offer.tenant.slug, offer.slug]),
        "amount": _plain(offer.amount) or "0",
        "fee_percent": _plain(offer.fee_percent),
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
