"""What a period would cost on a plan: pure, exact arithmetic over whole calls and a plan's version."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from billing.metering.amounts import Cost, cost_of
from billing.plans.models import PlanVersion

MONTHS = 12
type Interval = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class MonthsCost:
    """What a month with so many calls costs on a plan, in cents of its currency.

    `fixed` is the plan's own price, of a year's a twelfth, rounded; `calls` what those beyond the included cost;
    `cents` both together. `refused` is how many of the calls the plan would not let through.
    """

    plan: str
    currency: str
    fixed: int
    calls: Cost
    cents: int
    refused: int


def month_on(plan: PlanVersion, calls: int, *, interval: Interval = "month") -> MonthsCost | None:
    """What a month with `calls` billable calls would cost on `plan`, paid by the month or by the year.

    None where the plan, or its yearly price, is by agreement. Calls that the plan would not let through (beyond its
    requests, or beyond those included where no more are sold) cost nothing. Raises ValueError for less than 0 calls.
    """
    price = plan.monthly_price_cents if interval == "month" else plan.yearly_price_cents
    if price is None:
        return None
    served = _served(plan, calls)
    cost = cost_of(served, included=plan.calls_included, millicents=plan.overage_millicents)
    months = 1 if interval == "month" else MONTHS
    fixed = int((Decimal(price) / months).to_integral_value(ROUND_HALF_UP))
    return MonthsCost(plan.name, plan.currency, fixed, cost, fixed + cost.cents, calls - served)


def _served(plan: PlanVersion, calls: int) -> int:
    if calls < 0:
        raise ValueError("calls are counted from 0")
    bounds = [calls]
    if plan.requests is not None:
        bounds.append(plan.requests)
    if plan.overage_millicents is None and plan.calls_included is not None:
        bounds.append(plan.calls_included)
    return min(bounds)
