"""Offers: written down, put on sale at Stripe, withdrawn. What they are of is checked a layer above.

`offer_sold` talks to Stripe and opens contexts of its own; the others run inside the seller's.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from stripe.params import PriceCreateParams

from billing.resale.directory import inside, seller_held
from billing.resale.due import due_note
from billing.resale.models import (
    DueWhat,
    Offer,
    OfferKind,
    OfferState,
    Purchase,
    PurchaseStanding,
    SellerAccount,
)
from billing.resale.pricing import require_price
from billing.resale.selectors import offer_by_slug
from billing.stripe.client import refusing, stripe_client
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.validation import cleaned, refused_fields

MAXIMUM_OFFERS = 500
METER_EVENT = "armstrong_calls"
METER_NAME = "Calls of tools"
# In the metadata of products and prices.
OFFER = "armstrong_offer"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to sell; `amount` is in the currency's smallest unit."""

    endpoint_id: UUID
    slug: str
    name: str
    description: str
    tools: list[str] | None
    kind: str
    amount: Decimal
    currency: str


def offer_made(*, actor: Actor, wanted: Wanted) -> Offer:
    """A draft. Raises Refused: PERMISSION_DENIED, INVALID_INPUT, CONFLICT for a slug in use, LIMIT_REACHED."""
    actor.require(Permission.MANAGE_BILLING)
    require_price(wanted.kind, wanted.amount, wanted.currency)
    if Offer.objects.count() >= MAXIMUM_OFFERS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_OFFERS} offers.")
    offer = Offer(tenant=actor.tenant, slug=wanted.slug)
    return _stored(offer, wanted)


def offer_changed(*, actor: Actor, offer: Offer, wanted: Wanted) -> Offer:
    """Changes an offer: a draft as a whole, any other its name and description alone.

    Raises Refused: PERMISSION_DENIED, INVALID_INPUT, CONFLICT for what was on sale and would be another thing.
    """
    actor.require(Permission.MANAGE_BILLING)
    require_price(wanted.kind, wanted.amount, wanted.currency)
    terms = (wanted.endpoint_id, wanted.tools, wanted.kind, wanted.amount, wanted.currency)
    former = (offer.endpoint_id, offer.tools, offer.kind, offer.amount, offer.currency)
    if offer.state != OfferState.DRAFT and terms != former:
        raise Refused(refusals.CONFLICT, "What was on sale keeps its price and its tools. Withdraw it, make another.")
    return _stored(offer, wanted)


def _stored(offer: Offer, wanted: Wanted) -> Offer:
    offer.name, offer.description = wanted.name.strip(), wanted.description.strip()
    # It stands in strangers' pages and mails, where hidden characters would make it look like another.
    if not offer.name.isprintable():
        raise refused_fields({"name": "Use characters that can be seen."})
    if offer.state == OfferState.DRAFT:
        offer.endpoint_id, offer.tools, offer.kind = wanted.endpoint_id, wanted.tools, wanted.kind
        offer.amount, offer.currency = wanted.amount, wanted.currency
    cleaned(offer).save()
    return offer


def offer_held(slug: str) -> Offer:
    """An offer, held against others who change it. Raises Refused(NOT_FOUND)."""
    return Offer.objects.select_for_update().get(pk=offer_by_slug(slug).pk)


def offer_deleted(*, actor: Actor, offer: Offer) -> None:
    """Deletes a draft. Raises Refused: PERMISSION_DENIED, CONFLICT for what was on sale."""
    actor.require(Permission.MANAGE_BILLING)
    if offer.state != OfferState.DRAFT:
        raise Refused(refusals.CONFLICT, "What was on sale is kept. Withdraw it instead.")
    offer.delete()


def offer_sold(*, actor: Actor, offer: Offer) -> Offer:
    """Puts a draft on sale: makes its price in the tenant's account. On sale already it is left as it is.

    Raises Refused: PERMISSION_DENIED, SELLER_NOT_READY, CONFLICT for what was withdrawn or changed meanwhile,
    PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        account = require_seller()
    if offer.state == OfferState.ON_SALE:
        return offer
    if offer.state == OfferState.WITHDRAWN:
        raise Refused(refusals.CONFLICT, "What was withdrawn does not come back. Make another offer.")
    with refusing():
        meter = _meter(account.account_id) if offer.kind == OfferKind.PER_CALL else ""
        product = _product(account.account_id, offer)
        price = _price(account.account_id, offer, product, meter)
    with tenant_context(actor.tenant.id):
        # Held as whoever disconnects the account holds it.
        held = seller_held()
        is_same = held is not None and held.can_sell and held.account_id == account.account_id
        draft = Offer.objects.filter(pk=offer.pk, state=OfferState.DRAFT, **_terms(offer))
        if not is_same or not draft.update(
            state=OfferState.ON_SALE,
            on_sale_at=timezone.now(),
            fee_percent=settings.RESALE_FEE_PERCENT,
            account_id=account.account_id,
            product_id=product,
            price_id=price,
            meter_id=meter,
        ):
            raise Refused(refusals.CONFLICT, "Somebody changed this offer just now. Look at it again.")
        return Offer.objects.get(pk=offer.pk)


def require_seller() -> SellerAccount:
    """The tenant's account. Raises Refused(SELLER_NOT_READY) unless buyers can pay into it."""
    account = SellerAccount.objects.first()
    if account is None or not account.can_sell:
        raise Refused(refusals.SELLER_NOT_READY)
    return account


def offer_off_sale(*, actor: Actor, offer: Offer) -> Offer:
    """Sells it to nobody else; who bought it keeps it. A draft is not on sale: delete it.

    Raises Refused: PERMISSION_DENIED, CONFLICT for a draft.
    """
    actor.require(Permission.MANAGE_BILLING)
    if offer.state == OfferState.DRAFT:
        raise Refused(refusals.CONFLICT, "This was never on sale.")
    if offer.state == OfferState.ON_SALE:
        offer.state, offer.withdrawn_at = OfferState.WITHDRAWN, timezone.now()
        offer.save(update_fields=["state", "withdrawn_at"])
        # Pages of Checkout that are open are closed; who paid there before has bought.
        for purchase in Purchase.objects.filter(offer=offer, standing=PurchaseStanding.OPENED):
            due_note(purchase, DueWhat.END, after=timedelta(0))
    return offer


def _terms(offer: Offer) -> dict[str, object]:
    names = ("endpoint_id", "kind", "amount", "currency", "name")
    return {name: getattr(offer, name) for name in names}


def _digest(offer: Offer) -> str:
    """Of what is sold: asked again for the same, Stripe makes nothing new; after a change it does."""
    text = "\0".join(str(value) for value in _terms(offer).values())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _meter(account: str) -> str:
    client = stripe_client()
    listed = client.v1.billing.meters.list({"status": "active", "limit": 100}, inside(account))
    for meter in listed.auto_paging_iter():
        if meter.event_name == METER_EVENT:
            return meter.id
    made = client.v1.billing.meters.create(
        {"display_name": METER_NAME, "event_name": METER_EVENT, "default_aggregation": {"formula": "sum"}},
        inside(account, f"meter-{account}-{METER_EVENT}"),
    )
    return made.id


def _product(account: str, offer: Offer) -> str:
    made = stripe_client().v1.products.create(
        {"name": offer.name, "metadata": {OFFER: str(offer.pk)}}, inside(account, f"offer-{offer.pk}-{_digest(offer)}")
    )
    return made.id


def _price(account: str, offer: Offer, product: str, meter: str) -> str:
    wanted: PriceCreateParams = {
        "product": product,
        "currency": offer.currency,
        "nickname": offer.name,
        "metadata": {OFFER: str(offer.pk)},
        "tax_behavior": "exclusive",
    }
    if meter:
        wanted["recurring"] = {"interval": "month", "usage_type": "metered", "meter": meter}
        # Not as a Decimal, which the client would write as 1E-12.
        wanted["unit_amount_decimal"] = format(offer.amount, "f")  # type: ignore[typeddict-item]
    else:
        wanted["recurring"] = {"interval": "month"}
        wanted["unit_amount"] = int(offer.amount)
    return stripe_client().v1.prices.create(wanted, inside(account, f"price-{offer.pk}-{_digest(offer)}")).id
