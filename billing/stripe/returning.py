"""Coming back from Stripe's Checkout: how it went is asked for at once, so that nobody waits for a webhook."""

from uuid import UUID

from billing.stripe.client import refusing
from billing.stripe.families import Family
from billing.stripe.fetching import fetched_for
from billing.stripe.mirror import mirror_write
from billing.stripe.models import Checkout, CheckoutState
from billing.stripe.tickets import ticket_take
from core.tenancy import tenant_context


def checkout_look(tenant_id: UUID) -> str:
    """Writes down how the tenant's latest checkout went; its state, empty where there was none.

    Opens contexts of its own. Raises Refused: PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    row = _latest(tenant_id)
    if row is None or row.state != CheckoutState.OPEN:
        return row.state if row else ""
    with refusing():
        ticket = ticket_take(tenant_id)
        fetched = fetched_for(Family.CHECKOUT, {"id": row.stripe_id})
    with tenant_context(tenant_id):
        mirror_write(tenant_id=tenant_id, ticket=ticket, fetched=fetched)
    latest = _latest(tenant_id)
    return latest.state if latest else ""


def _latest(tenant_id: UUID) -> Checkout | None:
    with tenant_context(tenant_id):
        return Checkout.objects.filter(tenant_id=tenant_id).exclude(stripe_id="").order_by("-created_at").first()
