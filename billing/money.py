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
    return _written(Decimal(amount).scaleb(-places), places, currency)


def exactly(amount: Decimal, currency: str) -> str:
    """A price in the smallest unit with all its decimals, as people read it: a twentieth of a cent is `$0.0005`."""
    places = decimals(currency)
    value = amount.scaleb(-places).normalize()
    exponent = value.as_tuple().exponent
    return _written(value, max(places, -exponent) if isinstance(exponent, int) else places, currency)


def minor(amount: Decimal, currency: str) -> Decimal:
    """What people type (`4.99`) in the currency's smallest unit (`499`), exactly."""
    return amount.scaleb(decimals(currency))


def _written(value: Decimal, places: int, currency: str) -> str:
    sign = _SIGNS.get(currency.lower(), f"{currency.upper()} ")
    return f"{'-' if value < 0 else ''}{sign}{abs(value):,.{places}f}"
