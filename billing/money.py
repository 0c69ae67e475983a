"""Amounts of money: whole numbers of a currency's smallest unit, and how people read them (ISO 4217)."""

from decimal import Decimal

# How many decimals a currency has where it is not two (ISO 4217; Stripe, "Supported currencies").
_DECIMALS = dict.fromkeys(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"], 0
) | dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3)
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have."""
    return _DECIMALS.get(currency.lower(), 2)


def shown(amount: int, currency: str) -> str:
    """An amount as people read it: `$499.00`, `-$5.00`, `JPY 500`."""
    places = decimals(currency)
    text = f"{abs(Decimal(amount).scaleb(-places)):,.{places}f}"
    sign = _SIGNS.get(currency.lower(), f"{currency.upper()} ")
    return f"{'-' if amount < 0 else ''}{sign}{text}"
