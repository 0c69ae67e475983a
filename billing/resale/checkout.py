"""Buying: a session of Stripe's Checkout in the seller's account, for whoever types an e-mail address."""

import logging
from datetime import timedelta
from uuid import UUID, uuid4

import stripe
from django.utils import timezone
from stripe.params.checkout import SessionCreateParams

from billing.resale.directory import inside
from billing.resale.due import due_note
from billing.resale.fetched import PURCHASE
from billing.resale.models import STANDING, DueWhat, Offer, OfferKind, OfferState, Purchase, PurchaseStanding
from billing.resale.offers import require_seller
from billing.resale.tokens import token_for
from billing.stripe.client import is_passing, refusing, stripe_client
from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Tenant
from tenants.models.tenant import is_slug
from tenants.validation import cleaned

logger = logging.getLogger(__name__)

# Stripe's shortest is half an hour.
OPEN_FOR = timedelta(hours=1)
# A page that is nobody's account's can be opened by anybody: so many of one offer are open at once.
MAXIMUM_OPEN = 200
# Of one endpoint: their keys travel in its snapshot.
MAXIMUM_STANDING = 2_000


def purchase_open(
    *, tenant_id: UUID, offer_slug: str, email: str, success_url: str, cancel_url: str
) -> tuple[Purchase, str, str]:
    """A purchase that waits to be paid, the token that manages it, and the address of the page on which it is paid.

    Opens contexts of its own. Raises Refused: NOT_FOUND for what is not on sale, SELLER_NOT_READY, INVALID_INPUT
    (`email`), RATE_LIMITED while too many are open, LIMIT_REACHED when sold out, PAYMENTS_NOT_SET_UP,
    TEMPORARILY_UNAVAILABLE.
    """
    client = stripe_client()
    with tenant_context(tenant_id):
        offer = _on_sale(offer_slug)
        purchase = _made(offer, email.strip())
    with refusing():
        try:
            session = client.v1.checkout.sessions.create(
                _wanted(offer, purchase, success_url, cancel_url), inside(offer.account_id, f"purchase-{purchase.pk}")
            )
        except (stripe.PermissionError, stripe.InvalidRequestError) as error:
            if is_passing(error):
                raise
            logger.warning("Stripe opens no page for a purchase from tenant %s: %s", tenant_id, error)
            raise Refused(refusals.SELLER_NOT_READY) from None
    with tenant_context(tenant_id):
        purchase.checkout_id, purchase.checkout_url = session.id, session.url or ""
        Purchase.objects.filter(pk=purchase.pk).update(checkout_id=session.id, checkout_url=purchase.checkout_url)
        is_sold = Offer.objects.filter(pk=offer.pk, state=OfferState.ON_SALE).exists()
        if not is_sold:
            due_note(purchase, DueWhat.END)
    if not is_sold:
        raise Refused(refusals.NOT_FOUND, "This is no longer on sale.")
    return purchase, token_for(tenant_id, purchase.pk), purchase.checkout_url


def _on_sale(slug: str) -> Offer:
    sold = Offer.objects.filter(slug=slug, state=OfferState.ON_SALE) if is_slug(slug) else Offer.objects.none()
    offer = sold.first()
    if offer is None or not Tenant.objects.filter(delete_after=None).exists():
        raise Refused(refusals.NOT_FOUND, "This is not on sale.")
    if require_seller().account_id != offer.account_id:
        raise Refused(refusals.SELLER_NOT_READY)
    return offer


def _made(offer: Offer, email: str) -> Purchase:
    now = timezone.now()
    open_ones = Purchase.objects.filter(offer=offer, standing=PurchaseStanding.OPENED, expires_at__gt=now)
    if open_ones.count() >= MAXIMUM_OPEN:
        raise Refused(refusals.RATE_LIMITED, "Many are buying this right now. Try again in a few minutes.")
    if Purchase.objects.filter(offer__endpoint_id=offer.endpoint_id, standing__in=STANDING).count() >= MAXIMUM_STANDING:
        raise Refused(refusals.LIMIT_REACHED, "This is sold out. Ask the seller.")
    purchase_id = uuid4()
    purchase = Purchase(
        id=purchase_id,
        tenant_id=offer.tenant_id,
        offer=offer,
        email=email,
        token_digest=keys.digest(token_for(offer.tenant_id, purchase_id)),
        account_id=offer.account_id,
        expires_at=now + OPEN_FOR,
    )
    cleaned(purchase).save(force_insert=True)
    return purchase


def _wanted(offer: Offer, purchase: Purchase, success_url: str, cancel_url: str) -> SessionCreateParams:
    labels = {PURCHASE: str(purchase.pk)}
    wanted: SessionCreateParams = {
        "mode": "subscription",
        "customer_email": purchase.email,
        "client_reference_id": str(purchase.pk),
        "line_items": [{"price": offer.price_id}],
        "subscription_data": {"metadata": labels},
        "metadata": labels,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(purchase.expires_at.timestamp()),
    }
    if offer.kind == OfferKind.MONTHLY:
        wanted["line_items"][0]["quantity"] = 1
    if offer.fee_percent:
        wanted["subscription_data"]["application_fee_percent"] = float(offer.fee_percent)
    return wanted
