"""What calls cost: pure, exact arithmetic of whole calls and decimal prices."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

MILLICENTS_PER_CENT = 1_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What `calls` cost: `included` of them nothing, those `beyond` a price each. `exact` is cents, `cents` rounded."""

    calls: int
    included: int
    beyond: int
    each: Decimal
    exact: Decimal
    cents: int


def cost_of(calls: int, *, included: int | None, millicents: Decimal | None) -> Cost:
    """What so many calls of one period cost, in cents.

    `included` None: all are; `millicents` None: no more are sold. Halves of a cent round up, as on invoices. Raises
    ValueError for calls or prices below 0 and for prices that are no number.
    """
    each = price_each(millicents)
    free = calls if included is None else min(calls, included)
    if free < 0:
        raise ValueError("calls are counted from 0")
    beyond = calls - free
    exact = beyond * each
    return Cost(calls, free, beyond, each, exact, int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


def calls_for(cents: int, *, included: int | None, millicents: Decimal | None) -> int | None:
    """How many calls of one period cost at most so many cents; None: however many. Raises ValueError as `cost_of`."""
    each = price_each(millicents)
    if cents < 0:
        raise ValueError("amounts start at 0")
    if included is None or not each:
        return None
    return included + int(cents // each)


def price_each(millicents: Decimal | None) -> Decimal:
    """The price of a call in cents. Raises ValueError for one below 0, infinite or no number."""
    if millicents is None:
        return Decimal(0)
    if not millicents.is_finite() or millicents < 0:
        raise ValueError(f"{millicents} is no price")
    return millicents / MILLICENTS_PER_CENT
