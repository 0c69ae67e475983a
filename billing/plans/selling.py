"""Which plans are on sale, and which of them would lift a limit."""

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from billing.plans.models import PlanVersion
from core import refusals
from core.refusals import Refused


def plans_on_sale() -> list[PlanVersion]:
    """The latest version on sale of each plan, the cheapest first, those by agreement last."""
    latest = {plan.name: plan for plan in _sold().order_by("version")}
    return sorted(latest.values(), key=lambda plan: (plan.monthly_price_cents is None, plan.monthly_price_cents or 0))


def plan_on_sale(name: str) -> PlanVersion:
    """The version of a plan that is sold now; raises Refused(NOT_FOUND) for a name that is not on sale."""
    found = next((plan for plan in plans_on_sale() if plan.name == name), None)
    if found is None:
        raise Refused(refusals.NOT_FOUND, "No plan of this name is on sale.")
    return found


def longest_days() -> int:
    """For how many days the longest of all plans, whoever still has it, keeps calls."""
    return int(PlanVersion.objects.aggregate(days=Max("usage_days"))["days"] or 0)


def _sold() -> QuerySet[PlanVersion]:
    now = timezone.now()
    return PlanVersion.objects.filter(Q(sold_until=None) | Q(sold_until__gt=now), sold_from__lte=now)
