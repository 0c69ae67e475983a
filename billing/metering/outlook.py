"""How a tenant's present period goes: what was called, what that costs, what is expected, and on which plan it would
cost what. Inside the tenant's context."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from billing.costs import MonthsCost, month_on
from billing.metering.amounts import Cost
from billing.metering.forecasting import calls_forecast
from billing.metering.periods import Period, calls_in, period_now
from billing.metering.reports import billable_by_hour
from billing.plans.selling import plans_on_sale

# What hours of the week are known from.
LOOKED_BACK = timedelta(weeks=4)
_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class Outlook:
    """`cost` is that of the calls so far beyond those included, `expected` that of the period's by its end.

    `plans` is what a month of such a period would cost on each plan on sale that has a price.
    """

    period: Period
    cost: Cost
    expected: Cost
    plans: list[MonthsCost]


def outlook(tenant_id: UUID, now: datetime | None = None) -> Outlook:
    """The present period's. Raises Refused(NOT_FOUND) where the tenant is gone."""
    now = now or timezone.now()
    period = period_now(tenant_id, now)
    calls = calls_in(period)
    sums = billable_by_hour(min(period.since, now - LOOKED_BACK), period.until)
    of_hours = sum(count for hour, count in sums.items() if hour >= period.since)
    late = calls - of_hours
    expected = late + calls_forecast(sums, since=period.since, until=period.until, now=now)
    on_plans = [month_on(plan, expected // _months(period)) for plan in plans_on_sale()]
    return Outlook(period, period.cost(calls), period.cost(expected), [each for each in on_plans if each is not None])


def expected_a_month(tenant_id: UUID) -> int:
    """How many calls a month of the present period is expected to have. Raises Refused(NOT_FOUND)."""
    seen = outlook(tenant_id)
    return seen.expected.calls // _months(seen.period)


def _months(period: Period) -> int:
    return 1 if period.until - period.since < _MONTH else 12
