"""What uptime a plan with a service level agreement promises, and what is given back where it was not kept.

The endpoint that was down longest decides, so that many good ones do not hide a bad one.
"""

from decimal import ROUND_HALF_UP, Decimal

TARGET = Decimal("99.9")
# Below this uptime in percent, this share in percent of the month's price.
STEPS = ((Decimal(95), 50), (Decimal(99), 25), (TARGET, 10))


def share_of(uptime: Decimal | None) -> int:
    """What share of a month's price is given back, in percent; `uptime` is in percent, None where nothing counted."""
    if uptime is None:
        return 0
    return next((share for below, share in STEPS if uptime < below), 0)


def credit_of(price_cents: int | Decimal, share: int) -> int:
    """That share of a price, half a cent rounded up."""
    return int((Decimal(price_cents) * share / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
