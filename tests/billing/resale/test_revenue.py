"""What sales brought by the month, and the calls that they are made of: to the call, and nobody else's."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from billing.ledger.models import UsageHour
from billing.metering.models import ReportState
from billing.resale.models import Offer, OfferKind, Purchase, PurchaseKey, PurchaseReport, Sale
from billing.resale.revenue import Use, purchase_use, revenue, sale_calls, sale_for, sales
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Tenant
from tests.conftest import Cast, unique

START = datetime(2026, 10, 3, 12, 20, tzinfo=UTC)
END = datetime(2026, 11, 3, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def offered(tenant: Tenant, kind: str = OfferKind.MONTHLY) -> Offer:
    return Offer.objects.create(
        tenant=tenant, endpoint_id=uuid4(), slug=unique("o"), name="Weather", kind=kind, amount=Decimal("0.2"),
        currency="usd",
    )  # fmt: skip


def bought(offer: Offer) -> tuple[Purchase, str]:
    """A purchase in its first period, and the principal of its key."""
    purchase = Purchase.objects.create(
        tenant=offer.tenant, offer=offer, email="nora@example.com", token_digest=uuid4().hex, account_id="acct_1",
        standing="active", period_start=START, period_end=END, began_at=START, expires_at=END,
    )  # fmt: skip
    principal = f"key:{uuid4()}"
    PurchaseKey.objects.create(tenant=offer.tenant, principal=principal, purchase=purchase)
    return purchase, principal


def paid(purchase: Purchase, **changed: Any) -> Sale:
    told = {"amount": 500, "fee": 25, "refunded": 0, "currency": "usd", "paid_at": START, "calls": 0} | changed
    return Sale.objects.create(
        tenant=purchase.tenant, purchase=purchase, invoice_id=uuid4().hex, period_start=START, period_end=END, guard=1,
        **told,
    )  # fmt: skip


def called(tenant: Tenant, principal: str, hour: datetime, name: str, billable: int) -> None:
    UsageHour.objects.create(
        tenant=tenant, hour=hour.replace(minute=0), endpoint_id=uuid4(), method="tools/call", name=name,
        principal=principal, calls=billable + 7, billable=billable, errors=7, microseconds=0, bytes_in=0, bytes_out=0,
    )  # fmt: skip


def reported(purchase: Purchase, hour: datetime, calls: int, state: str, at: datetime | None) -> None:
    PurchaseReport.objects.create(
        tenant=purchase.tenant, purchase=purchase, hour=hour.replace(minute=0), calls=calls, state=state, at=at
    )


def test_a_month_is_split_by_offer_and_currency(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        weather, maps = bought(offered(cast.tenant))[0], bought(offered(cast.tenant))[0]
        paid(weather, refunded=100)
        paid(weather, calls=3)
        paid(weather, currency="jpy", amount=300, fee=15)
        paid(maps, amount=2_000, fee=100, paid_at=datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))
        paid(maps, paid_at=datetime(2026, 11, 1, tzinfo=UTC))
        found = [
            (row.offer.pk, row.currency, row.gross, row.fee, row.refunded, row.net, row.calls)
            for row in revenue(date(2026, 10, 17))
        ]
        assert found == [
            (maps.offer.pk, "usd", 2_000, 100, 0, 1_900, 0),
            (weather.offer.pk, "usd", 1_000, 50, 100, 850, 3),
            (weather.offer.pk, "jpy", 300, 15, 0, 285, 0),
        ]
        assert len(sales(month=date(2026, 10, 1))) == 4
        assert len(sales(month=date(2026, 12, 1))) == 0
        assert len(sales(offer=maps.offer)) == len(sales(month=date(2026, 11, 1))) + 1 == 2


def test_a_month_of_another_tenant_is_nobodys(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        sale = paid(bought(offered(cast.tenant))[0])
    with tenant_context(cast.elsewhere.id):
        assert revenue(date(2026, 10, 1)) == []
        with pytest.raises(Refused) as caught:
            sale_for(sale.pk)
    assert caught.value.refusal.name == "not_found"


def test_a_month_that_is_paid_for_opens_to_the_calls_of_its_keys(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        offer = offered(cast.tenant)
        (purchase, principal), (_, other) = bought(offer), bought(offer)
        called(cast.tenant, principal, START, "today", 3)
        called(cast.tenant, principal, END - HOUR, "today", 2)
        called(cast.tenant, principal, START + HOUR, "tomorrow", 9)
        called(cast.tenant, principal, START + HOUR, "broken", 0)
        called(cast.tenant, principal, START - HOUR, "today", 100)
        called(cast.tenant, principal, END + HOUR, "today", 100)
        called(cast.tenant, other, START + HOUR, "today", 100)
        assert sale_calls(sale_for(paid(purchase).pk)) == [("tomorrow", 9), ("today", 5)]
        assert purchase_use(purchase) == Use(14, Decimal(0))


def test_calls_that_are_paid_for_are_those_that_stripe_is_told_of(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        purchase, principal = bought(offered(cast.tenant, OfferKind.PER_CALL))
        for hour, name, calls in ((START, "today", 3), (START + HOUR, "today", 4), (START + 2 * HOUR, "late", 5)):
            called(cast.tenant, principal, hour, name, calls)
        reported(purchase, START, 3, ReportState.SENT, START)
        reported(purchase, START + HOUR, 4, ReportState.WAITING, None)
        reported(purchase, START + 2 * HOUR, 5, ReportState.SENT, END + HOUR)
        reported(purchase, START + 3 * HOUR, 50, ReportState.WAIVED, START)
        assert sale_calls(sale_for(paid(purchase).pk)) == [("today", 7)]
        assert purchase_use(purchase) == Use(7, Decimal("1.4"))


def test_a_purchase_that_never_began_uses_nothing(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        purchase, _ = bought(offered(cast.tenant))
        purchase.period_start = None
        assert purchase_use(purchase) == Use(0, Decimal(0))
