"""Stripe's Billing Portal: where a tenant changes its card and its address, and reads its invoices."""

from billing.stripe.catalogue import portal_configuration
from billing.stripe.client import refusing, stripe_client
from billing.stripe.customers import customer_known
from core import refusals
from core.refusals import Refused
from tenants.access import Actor, Permission


def portal_open(*, actor: Actor, back_url: str) -> str:
    """The address of the portal for a tenant, good for a few minutes; `back_url` is where it leads back to.

    Raises Refused: PERMISSION_DENIED, CONFLICT for a tenant that never paid, PAYMENTS_NOT_SET_UP,
    TEMPORARILY_UNAVAILABLE.
    """
    actor.require(Permission.MANAGE_BILLING)
    customer = customer_known(actor.tenant.id)
    if not customer:
        raise Refused(refusals.CONFLICT, "This tenant has nothing to pay yet. Choose a plan first.")
    with refusing():
        # Opened anew each time: nothing is made that a key would have to keep from being made twice.
        session = stripe_client().v1.billing_portal.sessions.create(
            {"customer": customer, "configuration": portal_configuration(), "return_url": back_url}
        )
    return session.url
