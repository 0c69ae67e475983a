"""Lines of invoices open down to their calls, and what they are made of adds up."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.metering.opening import Opening, Part, line_calls, line_open
from billing.stripe.models import InvoiceLine
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.billing.stripe.metered import Metered


def _opened(metered: Metered) -> list[Opening]:
    with tenant_context(metered.shop.tenant.id):
        lines = InvoiceLine.objects.filter(is_metered=True).order_by("period_start", "place")
        return [line_open(line.invoice, line.stripe_id) for line in lines]


def test_a_line_of_overage_opens_to_its_calls(metered: Metered) -> None:
    metered.ship(metered.first, 3)
    metered.ship(metered.first, 9, outcome="tool_error")
    metered.add(5_000_397)
    metered.send()
    metered.end_period()
    included, beyond = _opened(metered)
    assert (included.quantity, included.cents, included.is_exact) == (5_000_000, 0, True)
    assert (beyond.quantity, beyond.each, beyond.exact, beyond.cents) == (400, Decimal("0.005"), Decimal(2), 2)
    assert beyond.is_exact
    assert beyond.line.amount == 2
    assert (beyond.billed, beyond.included, beyond.told, beyond.ledger) == (5_000_400, 5_000_000, 5_000_400, 5_000_400)
    assert (beyond.late, beyond.elsewhere, beyond.unreported) == (0, 0, 0)
    assert beyond.parts["tool"] == [Part("x", 5_000_397), Part("echo", 3)]
    assert beyond.parts["key"] == [Part("key:2", 5_000_397), Part("key:1", 3)]
    assert [part.calls for part in beyond.parts["endpoint"]] == [5_000_397, 3]
    with tenant_context(metered.shop.tenant.id):
        calls = list(line_calls(beyond.line.invoice, beyond.line.stripe_id))
    assert [call.name for call in calls] == ["echo"] * 3


def test_late_calls_stand_with_the_period_that_bills_them(metered: Metered) -> None:
    metered.ship(metered.first, 2)
    metered.send()
    metered.end_period()
    metered.ship(metered.first, 5)
    (first,) = _opened(metered)
    metered.send()
    (after,) = _opened(metered)
    assert (first.told, first.elsewhere, first.ledger, first.is_exact) == (2, 0, 2, True)
    assert (after.told, after.elsewhere, after.ledger, after.unreported, after.is_exact) == (2, 5, 7, 0, True)
    metered.pass_to(metered.first + timedelta(days=62, hours=3))
    metered.shop.deliver()
    (_, second) = _opened(metered)
    assert (second.told, second.late, second.elsewhere, second.is_exact) == (5, 5, 2, True)


def test_only_lines_of_calls_open_and_only_to_their_tenant(metered: Metered) -> None:
    metered.ship(metered.first, 2)
    metered.send()
    metered.end_period()
    with tenant_context(metered.shop.tenant.id):
        calls = InvoiceLine.objects.get(is_metered=True)
        base = InvoiceLine.objects.filter(is_metered=False)[0]
    for tenant, line in ((metered.shop.tenant, base), (metered.shop.cast.elsewhere, calls)):
        with tenant_context(tenant.id), pytest.raises(Refused) as refused:
            line_open(line.invoice, line.stripe_id)
        assert refused.value.refusal is refusals.NOT_FOUND
