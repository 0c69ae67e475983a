"""What a buyer does with a purchase, by its token alone. Each opens contexts of its own."""

import stripe
from stripe.params.billing_portal import ConfigurationCreateParams

from billing.resale.directory import inside
from billing.resale.fetching import purchase_fetched
from billing.resale.mails import managing_link, managing_link_mail
from billing.resale.models import STANDING, ConnectedAccount, Purchase, PurchaseStanding
from billing.resale.tokens import KIND, token_of
from billing.resale.writing import seller_written
from billing.stripe.catalogue_names import PORTAL, labels
from billing.stripe.client import refusing, stripe_client
from billing.stripe.tickets import ticket_take
from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for
from tenants.models import Tenant
from tenants.models.tenant import is_slug
from tenants.services.api_keys import tenant_named_in

# Of one address and one offer, the latest: so many links go into mails at once.
MAXIMUM_LINKS = 3
_FOREVER = "Ask the seller: its account at Stripe is not connected any more."


def purchase_by_token(token: str) -> Purchase:
    """The purchase, with its offer, that a token manages. Raises Refused(NOT_FOUND), whatever is wrong with it."""
    try:
        tenant_id = tenant_named_in(token, KIND)
    except Refused:
        raise Refused(refusals.NOT_FOUND) from None
    with tenant_context(tenant_id):
        found = Purchase.objects.select_related("offer").filter(token_digest=keys.digest(token)).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def purchase_refresh(purchase: Purchase) -> Purchase:
    """Asks Stripe how it stands, and writes it down as an event would. Raises Refused: PAYMENTS_NOT_SET_UP,
    TEMPORARILY_UNAVAILABLE."""
    with refusing():
        return _looked_at(purchase)


def _looked_at(purchase: Purchase) -> Purchase:
    ticket = ticket_take(purchase.tenant_id, of=ConnectedAccount)
    try:
        found = purchase_fetched(
            purchase.account_id, checkout=purchase.checkout_id, subscription=purchase.subscription_id
        )
    except stripe.PermissionError:
        found = None
    with tenant_context(purchase.tenant_id):
        if found is not None:
            seller_written(purchase.tenant_id, ticket, purchase.account_id, found)
        return Purchase.objects.select_related("offer").get(pk=purchase.pk)


def purchase_portal(purchase: Purchase, return_url: str) -> str:
    """Where the buyer changes the card and reads invoices, good for a few minutes; it leads back to `return_url`.

    Raises Refused: CONFLICT for what was never paid or whose seller left, PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    if not purchase.customer_id:
        raise Refused(refusals.CONFLICT, "Nothing was paid yet.")
    with refusing():
        try:
            configuration = _portal(purchase.account_id)
            session = stripe_client().v1.billing_portal.sessions.create(
                {"customer": purchase.customer_id, "configuration": configuration, "return_url": return_url},
                inside(purchase.account_id),
            )
        except stripe.PermissionError:
            raise Refused(refusals.CONFLICT, _FOREVER) from None
    return session.url


def purchase_cancel(purchase: Purchase) -> Purchase:
    """Has it end with the month that is paid; until then nothing changes.

    Raises Refused: CONFLICT for what does not stand, PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    return _updated(purchase, ends=True)


def purchase_keep(purchase: Purchase) -> Purchase:
    """Takes that back. Raises Refused as `purchase_cancel`."""
    return _updated(purchase, ends=False)


def link_mail(tenant_slug: str, offer_slug: str, email: str) -> None:
    """Mails the links of what an address bought, if it did; whoever asks hears nothing of that."""
    try:
        tenant_id = tenant_id_for(tenant_slug)
    except Refused:
        return
    if not is_slug(offer_slug) or not email.isprintable():
        return
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        rows = Purchase.objects.select_related("offer").filter(offer__slug=offer_slug, email__iexact=email.strip())
        found = list(rows.exclude(began_at=None).order_by("-created_at")[:MAXIMUM_LINKS])
        tokens = [token_of(purchase) for purchase in found]
    for purchase, token in zip(found, tokens, strict=True):
        if tenant is not None:
            link = managing_link(tenant.slug, purchase.offer.slug, token)
            managing_link_mail(to=purchase.email, seller=tenant.name, offer=purchase.offer.name, link=link)


def _updated(purchase: Purchase, *, ends: bool) -> Purchase:
    if purchase.standing not in STANDING or not purchase.subscription_id:
        raise Refused(refusals.CONFLICT, "This is over, or was never paid.")
    with refusing():
        try:
            stripe_client().v1.subscriptions.update(
                purchase.subscription_id, {"cancel_at_period_end": ends}, inside(purchase.account_id)
            )
        except stripe.PermissionError:
            raise Refused(refusals.CONFLICT, _FOREVER) from None
        except stripe.InvalidRequestError:
            # It ended meanwhile, which is looked at below.
            pass
        row = _looked_at(purchase)
    if row.standing == PurchaseStanding.ENDED and not ends:
        raise Refused(refusals.CONFLICT, "This is over.")
    return row


def _portal(account: str) -> str:
    client = stripe_client()
    listed = client.v1.billing_portal.configurations.list({"active": True, "limit": 100}, inside(account))
    for each in listed.auto_paging_iter():
        if PORTAL in labels(each):
            return each.id
    wanted: ConfigurationCreateParams = {
        "metadata": {PORTAL: "1"},
        "features": {
            "customer_update": {"enabled": True, "allowed_updates": ["address", "name", "tax_id"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        },
    }
    return client.v1.billing_portal.configurations.create(wanted, inside(account, f"portal-{account}-1")).id
