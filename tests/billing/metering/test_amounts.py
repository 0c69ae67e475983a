"""What calls cost, to the millicent: by hand for what plans say, by hypothesis for everything else."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.metering.amounts import calls_for, cost_of

PRICES = st.decimals(min_value=0, max_value=10**6, places=6, allow_nan=False)
CALLS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("calls", "beyond", "exact", "cents"),
    [
        (0, 0, "0", 0),
        (5_000_000, 0, "0", 0),
        (5_000_001, 1, "0.005", 0),
        (5_000_099, 99, "0.495", 0),
        (5_000_100, 100, "0.5", 1),
        (6_000_000, 1_000_000, "5000", 5_000),
    ],
)
def test_calls_beyond_those_included_cost_their_price(calls: int, beyond: int, exact: str, cents: int) -> None:
    cost = cost_of(calls, included=5_000_000, millicents=Decimal(5))
    assert (cost.beyond, cost.exact, cost.cents) == (beyond, Decimal(exact), cents)


@given(CALLS, CALLS, PRICES)
def test_each_call_is_included_or_paid_and_the_amount_is_exactly_theirs(
    calls: int, included: int, millicents: Decimal
) -> None:
    cost = cost_of(calls, included=included, millicents=millicents)
    assert cost.included + cost.beyond == calls
    assert cost.included <= included
    assert cost.exact * 1000 == cost.beyond * millicents
    assert abs(cost.exact - cost.cents) <= Decimal("0.5")


@given(st.integers(0, 10**9), CALLS, PRICES.filter(bool))
def test_no_more_calls_fit_below_an_amount_than_it_pays(cents: int, included: int, millicents: Decimal) -> None:
    calls = calls_for(cents, included=included, millicents=millicents)
    assert calls is not None
    assert cost_of(calls, included=included, millicents=millicents).exact <= cents
    assert cost_of(calls + 1, included=included, millicents=millicents).exact > cents


def test_what_costs_nothing_fits_below_any_amount() -> None:
    assert calls_for(0, included=None, millicents=Decimal(5)) is None
    assert calls_for(0, included=5, millicents=None) is None
    assert calls_for(0, included=5, millicents=Decimal(0)) is None


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity", "-0.000001"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        cost_of(1, included=0, millicents=Decimal(price))
    with pytest.raises(ValueError, match="is no price"):
        calls_for(1, included=0, millicents=Decimal(price))


def test_what_is_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0"):
        cost_of(-1, included=None, millicents=None)
    with pytest.raises(ValueError, match="at 0"):
        calls_for(-1, included=0, millicents=Decimal(1))
