"""What things cost, worked out a second time: published prices, Stripe's documented rules, and fractions.

Nothing here is of the platform's arithmetic or the simulator's. Amounts are cents; times are seconds since 1970.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction


@dataclass(frozen=True)
class Plan:
    """A plan as its page says it: dollars by the month and by the year, calls included a month, dollars a million."""

    month: int
    year: int
    included: int
    million: int
    connections: int
    members: int


PLANS = {
    "professional-1": Plan(499, 4_990, 5_000_000, 50, 50_000, 50),
    "enterprise-1": Plan(2_999, 29_990, 100_000_000, 20, 500_000, 1_000),
}
MONTHS = {"month": 1, "year": 12}


def rounded(amount: Fraction) -> int:
    """Whole cents; halves away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def base(plan: str, interval: str) -> int:
    """What a period of a plan costs."""
    return 100 * (PLANS[plan].month if interval == "month" else PLANS[plan].year)


def share(plan: str, interval: str, left: int, whole: int) -> int:
    """What `left` of `whole` seconds of a period cost (Stripe, "Prorations": to the second)."""
    return rounded(Fraction(base(plan, interval) * left, whole))


def included(plan: str, interval: str) -> int:
    """How many calls of a period cost nothing."""
    return PLANS[plan].included * MONTHS[interval]


def calls(plan: str, interval: str, used: int) -> int:
    """What the calls of a period cost: those beyond the included ones, each an exact part of a cent."""
    beyond = max(0, used - included(plan, interval))
    return rounded(Fraction(PLANS[plan].million * 100 * beyond, 1_000_000))


def affordable(plan: str, interval: str, cents: int) -> int:
    """How many calls of a period cost at most so much."""
    return included(plan, interval) + int(Fraction(cents * 1_000_000, PLANS[plan].million * 100))


def discount(amount: int, percent: int) -> int:
    """What a coupon takes off an invoice."""
    return rounded(Fraction(max(0, amount) * percent, 100))


def period_after(anchor: int, interval: str, at: int) -> int:
    """The first end of a period after `at`: the anchor's day of later months, or their last one."""
    began = datetime.fromtimestamp(anchor, UTC)
    months = 0
    while True:
        months += MONTHS[interval]
        year, month = divmod(began.year * 12 + began.month - 1 + months, 12)
        day = min(began.day, monthrange(year, month + 1)[1])
        ends = int(began.replace(year=year, month=month + 1, day=day).timestamp())
        if ends > at:
            return ends
