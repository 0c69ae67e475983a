"""What a tenant does with its subscription: another plan, an end with the period, and second thoughts."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from stripe import CardError, InvalidRequestError
from stripe.params import SubscriptionUpdateParams, SubscriptionUpdateParamsItem

from billing.plans.models import PlanVersion
from billing.plans.selling import plan_on_sale
from billing.stripe.catalogue import prices_of
from billing.stripe.catalogue_names import Interval
from billing.stripe.client import refusing, stripe_client
from billing.stripe.families import Family
from billing.stripe.fetching import fetched_for
from billing.stripe.mirror import mirror_write
from billing.stripe.models import RUNNING, Subscription
from billing.stripe.tickets import ticket_take
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission


def subscription_running(tenant_id: UUID) -> Subscription | None:
    """The subscription that a tenant has now; inside its context."""
    rows = Subscription.objects.filter(tenant_id=tenant_id, status__in=RUNNING)
    return rows.select_related("plan").order_by("-created", "-stripe_id").first()


def subscription_latest(tenant_id: UUID) -> Subscription | None:
    """The subscription that a tenant has now, or had last; inside its context."""
    rows = Subscription.objects.filter(tenant_id=tenant_id).select_related("plan")
    return subscription_running(tenant_id) or rows.order_by("-created", "-stripe_id").first()


def subscription_change(*, actor: Actor, plan: str, interval: Interval) -> Subscription:
    """Changes the plan now. What is dearer is paid at once for the rest of the period, and must be paid; what is
    cheaper is put to the credit of the next invoices. Another interval begins a new period.

    Opens contexts of its own, and returns the subscription as it then is. Raises Refused: PERMISSION_DENIED,
    NOT_FOUND, CONFLICT without a subscription or for the plan that it is, CARD_REFUSED (then nothing has changed),
    PAYMENTS_NOT_SET_UP, TEMPORARILY_UNAVAILABLE.
    """
    chosen = plan_on_sale(plan)
    row = _running(actor)
    if (row.plan_id, row.interval) == (chosen.id, interval):
        raise Refused(refusals.CONFLICT, "This is the plan already.")
    with refusing():
        items = _items(row, chosen, interval)
        wanted: SubscriptionUpdateParams = {
            "items": items,
            "proration_behavior": "always_invoice",
            "payment_behavior": "error_if_incomplete",
            # Whoever changes the plan wants to keep one.
            "cancel_at_period_end": False,
        }
        return _updated(row, wanted, f"{chosen.id}-{interval}")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of plan would cost: `due` now (below 0 is a credit), of which each line is a part, all in the
    smallest unit of `currency`; and when the first whole period is paid."""

    due: int
    lines: list[tuple[str, int]]
    currency: str
    next_at: datetime


def subscription_preview(*, actor: Actor, plan: str, interval: Interval) -> Preview:
    """What a change of plan would cost now. Raises Refused as `subscription_change`."""
    chosen = plan_on_sale(plan)
    row = _running(actor)
    with refusing():
        found = stripe_client().v1.invoices.create_preview(
            {
                "subscription": row.stripe_id,
                "subscription_details": {
                    "items": _items(row, chosen, interval),
                    "proration_behavior": "always_invoice",
                },
            }
        )
    lines = [(line.description or "", line.amount) for line in found.lines.data if line.amount]
    return Preview(found.total, lines, found.currency, _next_at(row, interval))


def _next_at(row: Subscription, interval: Interval) -> datetime:
    """The end of the period that runs, or of the one that begins now where the interval is another."""
    if row.interval == interval:
        return row.period_end
    now = timezone.now()
    year, month = divmod(now.year * 12 + now.month - 1 + interval.months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))


def subscription_cancel(*, actor: Actor) -> Subscription:
    """Has it end with the period that is paid; until then nothing changes. Raises Refused as `subscription_change`."""
    return _updated_safely(_running(actor), {"cancel_at_period_end": True}, "cancel")


def subscription_reactivate(*, actor: Actor) -> Subscription:
    """Takes that back. Raises Refused as `subscription_change`."""
    return _updated_safely(_running(actor), {"cancel_at_period_end": False}, "reactivate")


def _running(actor: Actor) -> Subscription:
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        row = subscription_running(actor.tenant.id)
    if row is None:
        raise Refused(refusals.CONFLICT, "This tenant has no subscription. Choose a plan first.")
    return row


def _items(row: Subscription, plan: PlanVersion, interval: Interval) -> list[SubscriptionUpdateParamsItem]:
    prices = prices_of(plan.id, interval)
    items: list[SubscriptionUpdateParamsItem] = [{"id": row.item, "price": prices.base}]
    if prices.overage == row.overage_price:
        return items
    if row.overage_item:
        # With it goes what it counted, billed at its price; an exchange in place would not say since when the new one
        # counts (Stripe, "Update prices mid-cycle").
        items.append({"id": row.overage_item, "deleted": True})
    if prices.overage:
        items.append({"price": prices.overage})
    return items


def _updated_safely(row: Subscription, wanted: SubscriptionUpdateParams, what: str) -> Subscription:
    with refusing():
        return _updated(row, wanted, what)


def _updated(row: Subscription, wanted: SubscriptionUpdateParams, what: str) -> Subscription:
    """Changes it at Stripe, and here by the same way as an event would. Raises Refused(CONFLICT) where it has ended."""
    # The same wish again, before anything else happened to the subscription, is the same request.
    key = f"subscription-{row.stripe_id}-{row.guard}-{what}"
    try:
        stripe_client().v1.subscriptions.update(row.stripe_id, wanted, {"idempotency_key": key})
    except (CardError, InvalidRequestError) as error:
        # Under the same key Stripe gives the same answer for a day, also when the card was exchanged: looked at again,
        # the next wish has another.
        latest = subscription_refresh(row.tenant_id, row.stripe_id)
        if isinstance(error, CardError) or latest.status in RUNNING:
            raise
        raise Refused(refusals.CONFLICT, "This subscription has ended. Choose a plan.") from None
    return subscription_refresh(row.tenant_id, row.stripe_id)


def subscription_refresh(tenant_id: UUID, stripe_id: str) -> Subscription:
    """Looks at one again, and writes down what it is. Passes Stripe's errors."""
    ticket = ticket_take(tenant_id)
    fetched = fetched_for(Family.SUBSCRIPTION, {"id": stripe_id})
    with tenant_context(tenant_id):
        mirror_write(tenant_id=tenant_id, ticket=ticket, fetched=fetched)
        return Subscription.objects.select_related("plan").get(tenant_id=tenant_id, stripe_id=stripe_id)
