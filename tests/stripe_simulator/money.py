"""What something costs: units, tiers, discounts and parts of a period, in the currency's smallest unit."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.stripe_simulator.shapes import Object


def rounded(amount: Decimal) -> int:
    """A whole number of the smallest unit; halves go away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def cost(price: Object, quantity: int) -> int:
    """What so many cost."""
    if price["billing_scheme"] == "per_unit":
        return rounded(Decimal(price["unit_amount_decimal"]) * quantity)
    return sum(part.amount for part in tiered(price, quantity))


@dataclass(frozen=True)
class Part:
    """So many of one tier. `unit_amount_decimal` is what each costs."""

    quantity: int
    unit_amount_decimal: str
    amount: int


def tiered(price: Object, quantity: int) -> list[Part]:
    """What falls into each tier. By `volume` everything falls into the one that the whole reaches."""
    if price["tiers_mode"] == "volume":
        tier = next(tier for tier in price["tiers"] if tier["up_to"] is None or quantity <= tier["up_to"])
        return [_part(tier, quantity)]
    parts: list[Part] = []
    below = 0
    for tier in price["tiers"]:
        here = quantity - below if tier["up_to"] is None else min(quantity, tier["up_to"]) - below
        if here > 0 or not parts:
            parts.append(_part(tier, max(here, 0)))
        below = tier["up_to"] or quantity
        if quantity <= below:
            break
    return parts


def _part(tier: Object, quantity: int) -> Part:
    flat = Decimal(tier["flat_amount_decimal"] or 0) if quantity else Decimal(0)
    unit = tier["unit_amount_decimal"] or "0"
    return Part(quantity, unit, rounded(Decimal(unit) * quantity + flat))


def share(amount: int, part: int, whole: int) -> int:
    """The part of an amount that a part of a period costs."""
    return rounded(Decimal(amount) * part / whole)


def off(coupon: Object, amount: int) -> int:
    """What a coupon takes off an amount."""
    if amount <= 0:
        return 0
    if coupon["percent_off"] is not None:
        return rounded(Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100)
    return min(amount, int(coupon["amount_off"]))
