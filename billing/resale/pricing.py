"""Prices of offers: what Stripe takes, and what can be paid at all. Amounts are in a currency's smallest unit."""

from decimal import Decimal, InvalidOperation

from billing.money import shown
from billing.resale.models import OfferKind
from tenants.validation import refused_fields

# The least that Stripe charges at once, in the currencies that are sold in (Stripe, "Supported currencies").
LEAST = {
    "aud": 50, "cad": 50, "chf": 50, "dkk": 250, "eur": 50, "gbp": 30, "jpy": 50, "nok": 300, "pln": 200, "sek": 300,
    "usd": 50,
}  # fmt: skip
# Eight digits are the most that Stripe charges at once, and twelve decimals the finest of `unit_amount_decimal`.
MOST = 99_999_999
DECIMALS = 12


def require_price(kind: str, amount: Decimal, currency: str) -> None:
    """Raises Refused(INVALID_INPUT) naming `kind`, `currency` or `amount` unless Stripe can charge it.

    By the month it is a whole number, and as much at least as Stripe charges at once; of a call any fraction above 0.
    """
    wrong = {}
    if kind not in OfferKind.values:
        wrong["kind"] = f"Choose one of {', '.join(OfferKind.values)}."
    if currency not in LEAST:
        wrong["currency"] = f"Choose one of {', '.join(LEAST)}."
    if not wrong and (sentence := _wrong(kind, amount, currency)):
        wrong["amount"] = sentence
    if wrong:
        raise refused_fields(wrong)


def _wrong(kind: str, amount: Decimal, currency: str) -> str:
    if not amount.is_finite():
        return "Type a number."
    if amount <= 0:
        return "Type an amount above 0."
    if amount > MOST:
        return f"This is more than can be charged at once: {shown(MOST, currency)}."
    if kind == OfferKind.PER_CALL:
        too_fine = amount != round(amount, DECIMALS)
        return f"Use at most {DECIMALS} decimals of the currency's smallest unit." if too_fine else ""
    if amount != amount.to_integral_value():
        return "Use no fractions of the currency's smallest unit."
    if amount < LEAST[currency]:
        return f"Charge at least {shown(LEAST[currency], currency)}: Stripe charges no less at once."
    return ""


def decimal_of(text: str) -> Decimal:
    """A number as somebody typed it. Raises Refused(INVALID_INPUT) for one that is none, also NaN and infinity."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        raise refused_fields({"amount": "Type a number."}) from None
    if not found.is_finite() or len(text) > 60:
        raise refused_fields({"amount": "Type a number."})
    return found
