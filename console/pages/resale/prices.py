"""Prices and amounts of resale in words."""

from decimal import Decimal

from billing.money import exactly
from billing.resale.models import OfferKind

# What a thousand calls cost is easier to imagine than what one does.
_MANY = 1_000


def price_words(kind: str, amount: Decimal, currency: str) -> str:
    """`$5.00 a month`, or `$0.002 for each call`."""
    each = exactly(amount, currency)
    return f"{each} a month" if kind == OfferKind.MONTHLY else f"{each} for each call"


def price_note(kind: str, amount: Decimal, currency: str) -> str:
    """What goes with it: what many calls cost, and which are free."""
    if kind == OfferKind.MONTHLY:
        return "Paid ahead for each month, until you cancel."
    many = exactly(amount * _MANY, currency)
    return f"{many} for a thousand calls, paid after each month. Failed calls are free."
