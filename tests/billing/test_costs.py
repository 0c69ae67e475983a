"""What a month would cost on a plan, against the same sum made plainly, for any number of calls."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.costs import month_on
from billing.plans.models import PlanVersion

MILLICENTS = st.decimals(0, 100_000_000, places=6)
MAYBE = st.one_of(st.none(), st.integers(0, 10**12))


def _plan(
    monthly: int | None = 499_00,
    yearly: int | None = 4_990_00,
    included: int | None = 5_000_000,
    overage: Decimal | None = Decimal(5),
    requests: int | None = None,
) -> PlanVersion:
    return PlanVersion(
        name="p",
        monthly_price_cents=monthly,
        yearly_price_cents=yearly,
        calls_included=included,
        overage_millicents=overage,
        requests=requests,
    )


def test_calls_beyond_those_included_cost_their_price() -> None:
    cost = month_on(_plan(), 6_000_000)
    assert cost is not None
    assert (cost.fixed, cost.calls.beyond, cost.calls.cents, cost.cents) == (499_00, 1_000_000, 50_00, 549_00)


def test_a_year_paid_at_once_is_two_months_cheaper() -> None:
    monthly, yearly = month_on(_plan(), 0), month_on(_plan(), 0, interval="year")
    assert monthly is not None
    assert yearly is not None
    assert (monthly.cents, yearly.cents) == (499_00, 415_83)


def test_what_is_by_agreement_has_no_cost_yet() -> None:
    assert month_on(_plan(monthly=None), 5) is None
    assert month_on(_plan(yearly=None), 5, interval="year") is None


def test_what_a_free_plan_would_not_let_through_costs_nothing() -> None:
    cost = month_on(_plan(monthly=0, included=1_000_000, overage=None, requests=1_000_000), 3_000_000)
    assert cost is not None
    assert (cost.cents, cost.refused) == (0, 2_000_000)


@pytest.mark.parametrize("calls", [-1, -(10**12)])
def test_fewer_than_no_calls_are_refused(calls: int) -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        month_on(_plan(), calls)


@pytest.mark.parametrize("price", ["NaN", "-1", "Infinity", "-0.000001"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        month_on(_plan(overage=Decimal(price)), 6_000_000)


@given(st.integers(0, 10**12), st.integers(0, 10**10), MAYBE, st.one_of(st.none(), MILLICENTS), MAYBE)
def test_it_is_the_plain_sum_to_half_a_cent(
    calls: int, monthly: int, included: int | None, overage: Decimal | None, requests: int | None
) -> None:
    cost = month_on(_plan(monthly, None, included, overage, requests), calls)
    assert cost is not None
    beyond = calls - cost.refused if included is None else max(0, calls - cost.refused - included)
    owed = Fraction(0) if included is None else beyond * Fraction(overage or 0) / 1_000
    assert abs(cost.cents - monthly - owed) <= Fraction(1, 2)
    assert 0 <= cost.refused <= calls
    assert cost.fixed == monthly


@given(st.integers(0, 10**9), st.integers(0, 10**9), MILLICENTS)
def test_more_calls_never_cost_less(fewer: int, more: int, overage: Decimal) -> None:
    low, high = sorted((fewer, more))
    plan = _plan(overage=overage)
    cheaper, dearer = month_on(plan, low), month_on(plan, high)
    assert cheaper is not None
    assert dearer is not None
    assert cheaper.cents <= dearer.cents
