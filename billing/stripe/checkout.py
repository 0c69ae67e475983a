"""Buying a plan: a session of Stripe's Checkout for a tenant that subscribes to nothing yet."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from stripe import InvalidRequestError
from stripe.params.checkout import SessionCreateParams

from billing.plans.models import PlanVersion
from billing.plans.selling import plan_on_sale
from billing.stripe.catalogue import prices_of
from billing.stripe.catalogue_names import Interval
from billing.stripe.client import is_gone, refusing, stripe_client
from billing.stripe.customers import customer_ensure
from billing.stripe.models import Checkout, CheckoutState
from billing.stripe.subscriptions import subscription_running
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.models import Membership, Role, Tenant

# Stripe's shortest is half an hour, its longest a day.
OPEN_FOR = timedelta(hours=12)


def checkout_begin(*, actor: Actor, plan: str, interval: Interval, back_url: str) -> str:
    """The address of the page on which the tenant pays for a plan; `back_url` is where it leads back to.

    Opens contexts of its own. Asked again for the same it is the same page; for another plan the former page closes.
    Raises Refused: PERMISSION_DENIED, NOT_FOUND for a plan that is not on sale, CONFLICT for a tenant that subscribes
    already, PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    actor.require(Permission.MANAGE_BILLING)
    chosen = plan_on_sale(plan)
    if not (chosen.monthly_price_cents if interval is Interval.MONTH else chosen.yearly_price_cents):
        raise Refused(refusals.NOT_FOUND, "This plan is not bought here.")
    with refusing():
        prices_of(chosen.id, interval)
        row, email = _opened(actor, chosen, interval)
        return row.url or _session(actor.tenant, row, email, back_url)


def _opened(actor: Actor, plan: PlanVersion, interval: Interval) -> tuple[Checkout, str]:
    """The tenant's one open checkout, and its owner's address. A former one for something else is closed first."""
    tenant_id = actor.tenant.id
    with tenant_context(tenant_id):
        former = _open_one(actor.tenant)
        fits = former is not None and _fits(former, plan, interval)
    if former is not None and not fits:
        _close(former)
    with tenant_context(tenant_id):
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
        if subscription_running(tenant_id) is not None:
            raise Refused(refusals.CONFLICT, "This tenant has a subscription. Change its plan instead.")
        email = Membership.objects.select_related("user").get(role=Role.OWNER).user.email
        row = _open_one(actor.tenant)
        if row is not None and not _fits(row, plan, interval):
            raise Refused(refusals.CONFLICT, "Somebody else of this tenant is choosing a plan right now. Try again.")
        return row or _made(actor.tenant, plan, interval), email


def _open_one(tenant: Tenant) -> Checkout | None:
    return Checkout.objects.filter(tenant=tenant, state=CheckoutState.OPEN).first()


def _fits(row: Checkout, plan: PlanVersion, interval: Interval) -> bool:
    # A page that closes while somebody types is of no use.
    lasts = row.expires_at > timezone.now() + timedelta(minutes=10)
    return lasts and (row.plan_id, row.interval) == (plan.id, interval)


def _made(tenant: Tenant, plan: PlanVersion, interval: Interval) -> Checkout:
    ends = timezone.now() + OPEN_FOR
    return Checkout.objects.create(id=uuid4(), tenant=tenant, plan_id=plan.id, interval=interval, expires_at=ends)


def _close(row: Checkout) -> None:
    """Closes a page, unless somebody paid there meanwhile: then the event of that says so."""
    if row.stripe_id:
        try:
            stripe_client().v1.checkout.sessions.expire(row.stripe_id)
        except InvalidRequestError as error:
            state = None if is_gone(error) else stripe_client().v1.checkout.sessions.retrieve(row.stripe_id).status
            if state == CheckoutState.COMPLETE:
                raise Refused(refusals.CONFLICT, "A plan was bought just now. It counts in a moment.") from None
    with tenant_context(row.tenant_id):
        Checkout.objects.filter(pk=row.pk, state=CheckoutState.OPEN).update(state=CheckoutState.EXPIRED)


def _session(tenant: Tenant, row: Checkout, email: str, back_url: str) -> str:
    customer = customer_ensure(tenant_id=tenant.id, name=tenant.name, email=email)
    session = stripe_client().v1.checkout.sessions.create(
        _wanted(row, customer, back_url), {"idempotency_key": f"checkout-{row.pk}"}
    )
    with tenant_context(tenant.id):
        Checkout.objects.filter(pk=row.pk).update(stripe_id=session.id, url=session.url or "")
    return session.url or ""


def _wanted(row: Checkout, customer: str, back_url: str) -> SessionCreateParams:
    prices = prices_of(row.plan_id, Interval(row.interval))
    wanted: SessionCreateParams = {
        "mode": "subscription",
        "customer": customer,
        "client_reference_id": str(row.tenant_id),
        "line_items": [{"price": prices.base, "quantity": 1}],
        "allow_promotion_codes": True,
        "tax_id_collection": {"enabled": True},
        # Tax ids and automatic tax need the name and address that the customer types.
        "customer_update": {"name": "auto", "address": "auto"},
        "billing_address_collection": "auto",
        "automatic_tax": {"enabled": settings.STRIPE_AUTOMATIC_TAX},
        "success_url": back_url,
        "cancel_url": back_url,
        "expires_at": int(row.expires_at.timestamp()),
        "metadata": {"armstrong_checkout": str(row.pk)},
    }
    if prices.overage:
        wanted["line_items"].append({"price": prices.overage})
    return wanted
