"""Plans as cards: what each costs and gives, and what a tenant can do with it from where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from billing.money import exactly, shown
from billing.plans.models import DEVELOPER, Entitlement, PlanVersion, Standing
from billing.plans.selling import plans_on_sale
from billing.stripe.catalogue_names import Interval
from billing.stripe.models import Subscription

# What a plan may give so much of, in words.
_WORDS = (
    ("connections", "connections at once"),
    ("calls_included", "calls a month included"),
    ("endpoints", "endpoints"),
    ("members", "members"),
    ("tools_per_endpoint", "tools per endpoint"),
)
_RIGHTS = (
    ("sso", "Single sign-on"),
    ("scim", "Provisioning (SCIM)"),
    ("audit_export", "Audit log exports"),
    ("sla", "Uptime agreement"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One plan. `act` is what its button does: current, choose, cancel, ask, or nothing at all.

    `this_month` is what the tenant's calls make of its price.
    """

    plan: PlanVersion
    price: str
    unit: str
    note: str
    lines: list[str]
    act: str
    verb: str = ""
    this_month: str = ""


def cards_of(
    held: Entitlement, subscription: Subscription | None, interval: Interval, on_plans: Mapping[str, str]
) -> list[Card]:
    """Each plan that is on sale. `subscription` is one that runs, `on_plans` what this month would cost on each."""
    plans = plans_on_sale()
    ranks = {plan.name: rank for rank, plan in enumerate(plans)}
    cards = [_card(plan, held, subscription, interval, ranks) for plan in plans]
    return [replace(card, this_month=on_plans.get(card.plan.name, "")) for card in cards]


def _card(
    plan: PlanVersion,
    held: Entitlement,
    subscription: Subscription | None,
    interval: Interval,
    ranks: dict[str, int],
) -> Card:
    price, unit, note = _price(plan, interval)
    act = _act(plan, held, subscription, interval)
    above = ranks[plan.name] > ranks.get(held.plan.name, -1)
    verb = "Upgrade to" if above else "Change to"
    return Card(plan, price, unit, note, _lines(plan), act, verb if act == "choose" else "")


def _price(plan: PlanVersion, interval: Interval) -> tuple[str, str, str]:
    cents = plan.monthly_price_cents if interval is Interval.MONTH else plan.yearly_price_cents
    if plan.monthly_price_cents == 0:
        return shown(0, plan.currency), "for ever", ""
    if cents is None:
        return "By agreement", "", ""
    saved = (plan.monthly_price_cents or 0) * Interval.YEAR.months - (plan.yearly_price_cents or 0)
    note = f"{shown(saved, plan.currency)} less than by the month" if interval is Interval.YEAR and saved > 0 else ""
    return shown(cents, plan.currency), f"a {interval}", note


def _lines(plan: PlanVersion) -> list[str]:
    connections, included, *amounts = (_amount(getattr(plan, name), words) for name, words in _WORDS)
    rights = [words for name, words in _RIGHTS if getattr(plan, name)]
    kept = f"Calls kept one by one for {plan.usage_days} days"
    return [connections, included, *_overage(plan), *amounts, kept, *rights, f"Support: {plan.support}"]


def _amount(value: int | None, words: str) -> str:
    return f"Unlimited {words}" if value is None else f"{value:,} {words}"


def _overage(plan: PlanVersion) -> list[str]:
    if not plan.overage_millicents:
        return []
    thousand = plan.overage_millicents  # a thousand calls at so many thousandths of a cent are so many cents
    return [f"{exactly(thousand, plan.currency)} for each 1,000 calls beyond those"]


def _act(plan: PlanVersion, held: Entitlement, subscription: Subscription | None, interval: Interval) -> str:
    if held.standing == Standing.CONTRACT:
        return "current" if plan.name == held.plan.name else ""
    if subscription is not None:
        if plan.name == DEVELOPER:
            return "" if subscription.cancel_at_period_end else "cancel"
        if (plan.id, interval) == (subscription.plan_id, subscription.interval):
            return "current"
    elif plan.name == held.plan.name and held.standing != Standing.TRIALING:
        return "current"
    if plan.monthly_price_cents is None:
        return "ask"
    return "choose" if plan.monthly_price_cents else ""
