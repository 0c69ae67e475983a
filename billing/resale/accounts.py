"""A tenant's account at Stripe: opened, looked at, and no longer used. Each service opens contexts of its own.

Buyers pay the tenant itself (direct charges); the platform has a fee of each payment. The tenant has Stripe's whole
dashboard, answers for its refunds and disputes, and pays Stripe's own fees (Stripe, "Controller properties").
"""

import stripe
from django.conf import settings
from django.utils import timezone
from stripe.params import AccountCreateParams

from billing.resale.directory import account_linked, seller_held
from billing.resale.fetching import account_fetched
from billing.resale.models import STANDING, ConnectedAccount, Offer, OfferState, Purchase, SellerAccount
from billing.resale.writing import account_written
from billing.stripe.catalogue_names import TENANT
from billing.stripe.client import refusing, stripe_client
from billing.stripe.tickets import ticket_take
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.validation import refused_fields

_DASHBOARD = "https://dashboard.stripe.com"
COUNTRY_LETTERS = 2


def seller_connect(*, actor: Actor, country: str, return_url: str, refresh_url: str) -> str:
    """The address at which the tenant tells Stripe who it is; good once and for a few minutes, so ask again.

    The first time, the account is made. `country` is ISO 3166-1 alpha-2, and cannot be changed once it is there.
    Raises Refused: PERMISSION_DENIED, INVALID_INPUT (`country`), PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    actor.require(Permission.MANAGE_BILLING)
    client = stripe_client()
    row = _begun(actor, country.strip().upper())
    with refusing():
        account = row.account_id or _made(actor, row)
        try:
            return _link(client, account, return_url, refresh_url)
        except stripe.PermissionError:
            # Its owner took the platform's access away: that account is lost to it.
            return _link(client, _made(actor, _anew(actor, account)), return_url, refresh_url)


def seller_refresh(*, actor: Actor) -> SellerAccount:
    """Looks at the account anew. Raises Refused: PERMISSION_DENIED, CONFLICT where none was begun, PAYMENTS_NOT_SET_UP,
    TEMPORARILY_UNAVAILABLE."""
    row = _account(actor)
    with refusing():
        ticket = ticket_take(actor.tenant.id, of=ConnectedAccount)
        fetched = account_fetched(row.account_id)
    with tenant_context(actor.tenant.id):
        account_written(actor.tenant.id, ticket, fetched)
        return SellerAccount.objects.get()


def seller_dashboard(*, actor: Actor) -> str:
    """Where the tenant sees its money at Stripe, and pays it back. Raises Refused: PERMISSION_DENIED, CONFLICT."""
    row = _account(actor)
    if settings.STRIPE_API_URL:
        return f"{settings.STRIPE_API_URL}/_hosted/account/{row.account_id}"
    return f"{_DASHBOARD}/{row.account_id}"


def seller_disconnect(*, actor: Actor) -> None:
    """Sells no more with the account: what is on sale is withdrawn. At Stripe it stays, and can be connected again.

    Raises Refused: PERMISSION_DENIED, CONFLICT where none is connected or purchases of it stand.
    """
    _account(actor)
    with tenant_context(actor.tenant.id):
        seller_held()
        if Purchase.objects.filter(standing__in=STANDING).exists():
            raise Refused(refusals.CONFLICT, "Purchases stand. Withdraw the offers, and wait until these have ended.")
        now = timezone.now()
        on_sale = Offer.objects.filter(state=OfferState.ON_SALE)
        on_sale.update(state=OfferState.WITHDRAWN, withdrawn_at=now)
        SellerAccount.objects.update(disconnected_at=now)
        ConnectedAccount.objects.filter(tenant_id=actor.tenant.id).delete()


def _account(actor: Actor) -> SellerAccount:
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        row = SellerAccount.objects.first()
    if row is None or not row.account_id or row.disconnected_at:
        raise Refused(refusals.CONFLICT, "No account at Stripe is connected yet.")
    return row


def _begun(actor: Actor, country: str) -> SellerAccount:
    """The tenant's row, whose country can be changed until Stripe knows of it."""
    if len(country) != COUNTRY_LETTERS or not (country.isascii() and country.isalpha()):
        raise refused_fields({"country": "Name the country by its two letters, such as US."})
    with tenant_context(actor.tenant.id):
        row, _ = SellerAccount.objects.get_or_create(tenant=actor.tenant, defaults={"country": country})
        if row.account_id:
            account_linked(actor.tenant.id, row.account_id)
        elif row.country != country:
            SellerAccount.objects.filter(account_id="").update(country=country)
            row.country = country
    return row


def _anew(actor: Actor, lost: str) -> SellerAccount:
    with tenant_context(actor.tenant.id):
        row = SellerAccount.objects.select_for_update().get()
        if row.account_id == lost:
            row.account_id, row.number, row.guard = "", row.number + 1, 0
            row.charges_enabled, row.payouts_enabled = False, False
            row.save()
    return row


def _made(actor: Actor, row: SellerAccount) -> str:
    wanted: AccountCreateParams = {
        "country": row.country,
        "controller": {
            "fees": {"payer": "account"},
            "losses": {"payments": "stripe"},
            "stripe_dashboard": {"type": "full"},
            "requirement_collection": "stripe",
        },
        "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
        "metadata": {TENANT: str(actor.tenant.id)},
    }
    # Whoever is killed before it is written down, or clicks twice, gets the same one.
    key = f"seller-{actor.tenant.id}-{row.number}-{row.country}"
    try:
        made = stripe_client().v1.accounts.create(wanted, {"idempotency_key": key})
    except stripe.InvalidRequestError as error:
        if error.param != "country":
            raise
        raise refused_fields({"country": "Stripe opens no accounts there."}) from None
    with tenant_context(actor.tenant.id):
        account_linked(actor.tenant.id, made.id)
    ticket = ticket_take(actor.tenant.id, of=ConnectedAccount)
    fetched = account_fetched(made.id)
    with tenant_context(actor.tenant.id):
        account_written(actor.tenant.id, ticket, fetched)
    return made.id


def _link(client: stripe.StripeClient, account: str, return_url: str, refresh_url: str) -> str:
    return client.v1.account_links.create(
        {"account": account, "type": "account_onboarding", "return_url": return_url, "refresh_url": refresh_url}
    ).url
