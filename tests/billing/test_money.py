"""Amounts as people read and type them: every decimal, whatever the currency."""

from decimal import Decimal

import pytest

from billing.money import exactly, minor, shown


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("499", "usd", "$4.99"),
        ("0.05", "usd", "$0.0005"),
        ("0.000000000001", "usd", "$0.00000000000001"),
        ("100000000", "usd", "$1,000,000.00"),
        ("1E+2", "eur", "€1.00"),
        ("0", "usd", "$0.00"),
        ("-5", "gbp", "-£0.05"),
        ("500", "jpy", "JPY 500"),
        ("0.5", "jpy", "JPY 0.5"),
        ("1234", "kwd", "KWD 1.234"),
    ],
)
def test_a_price_is_read_with_all_its_decimals(amount: str, currency: str, text: str) -> None:
    assert exactly(Decimal(amount), currency) == text


def test_a_whole_amount_is_read_as_before() -> None:
    assert (shown(499_00, "usd"), shown(-5_00, "usd"), shown(500, "jpy")) == ("$499.00", "-$5.00", "JPY 500")


@pytest.mark.parametrize(
    ("typed", "currency", "smallest"),
    [("4.99", "usd", "499"), ("500", "jpy", "500"), ("0.0005", "usd", "0.05"), ("1.234", "kwd", "1234")],
)
def test_what_is_typed_becomes_the_smallest_unit(typed: str, currency: str, smallest: str) -> None:
    assert minor(Decimal(typed), currency) == Decimal(smallest)
