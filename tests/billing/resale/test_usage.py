"""Calls that buyers pay one by one: what is billed is what the ledger has of their keys, to the call and the cent."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.entitlements import entitlement_grant
from billing.ledger.summing import sum_due
from billing.metering.outbox import KNOWN_AGAIN
from billing.plans.models import Standing
from billing.plans.selling import plan_on_sale
from billing.resale.models import Purchase, PurchaseReport, PurchaseReportDue, PurchaseStanding
from billing.resale.usage import purchase_reports_send
from billing.resale.verifying import PurchasesVerified, purchases_verified
from core.tenancy import tenant_context
from mcp_runtime.services.purchase_keys import purchase_key_issue
from tests.billing.resale.selling import Seller, SellerClock
from tests.billing.ships import Ships
from tests.billing.stripe.paying import DAY

METER = "/v1/billing/meter_events"


class Bought:
    """A purchase by the call, with a key, at a clock of its own."""

    def __init__(self, selling: Seller, clock: SellerClock, amount: str) -> None:
        self.selling, self.clock = selling, clock
        self.purchase = selling.buy(selling.offer(kind="per_call", amount=Decimal(amount)))
        self.ship = self.key()
        self.first = clock.start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.now = self.first + timedelta(hours=2)
        clock.advance(int((self.now - clock.start).total_seconds()))

    def key(self) -> Ships:
        """Calls with a new key."""
        row, _ = purchase_key_issue(self.purchase)
        return Ships(self.selling.shop.tenant, self.selling.endpoint.pk, f"key:{row.pk}")

    def send(self, later: timedelta = timedelta(0)) -> int:
        """What the jobs do."""
        tenant_id = self.selling.shop.tenant.id
        sum_due(tenant_id)
        # Real time tells when a report is due, Stripe's clock what it is told under.
        PurchaseReportDue.objects.filter(tenant_id=tenant_id).update(due_at=self.now)
        return purchase_reports_send(self.now + later, tenant_id=tenant_id)

    def reports(self) -> list[tuple[int, str]]:
        with tenant_context(self.selling.shop.tenant.id):
            rows = PurchaseReport.objects.filter(purchase=self.purchase)
            return list(rows.order_by("created_at").values_list("calls", "state"))

    def verified(self) -> PurchasesVerified:
        since = self.first.replace(hour=0) - timedelta(days=1)
        return purchases_verified(self.selling.shop.tenant.id, since=since, until=since + timedelta(days=70))

    def outage(self, status: int, *, is_done: bool) -> None:
        told: Any = {"status": status, "times": 3, "path": METER, "is_done": is_done}
        self.selling.shop.simulator.told("outages", outages=[told])

    def invoiced(self) -> tuple[int, int]:
        """Calls and cents of what is sold by the period's end."""
        self.clock.advance(32 * DAY)
        self.selling.deliver()
        sales = self.selling.sales()
        return sum(sale.calls for sale in sales), sum(sale.amount for sale in sales)


@pytest.fixture
def bought(seller: Seller) -> Bought:
    """Two and a half dollars a call."""
    seller.listen()
    seller.onboard()
    return Bought(seller, seller.clock(), "250")


def test_the_invoice_bills_what_the_keys_called(bought: Bought) -> None:
    bought.ship(bought.first, 3)
    bought.ship(bought.first, 5, outcome="failed")
    bought.send()
    bought.ship(bought.first, 2)
    # Another key of the same purchase, and one of nobody's.
    bought.key()(bought.first + timedelta(hours=1), 4)
    Ships(bought.selling.shop.tenant, bought.selling.endpoint.pk, "key:of-the-seller")(bought.first, 7)
    bought.send()
    assert bought.reports() == [(3, "sent"), (2, "sent"), (4, "sent")]
    assert bought.verified() == PurchasesVerified(9, 9, 0, 0, 0, ())
    with tenant_context(bought.selling.shop.tenant.id):
        PurchaseReport.objects.filter(calls=4).update(calls=5)
    wrong = bought.verified()
    assert (wrong.is_right, wrong.differing) == (False, (bought.purchase.pk,))
    assert bought.invoiced() == (9, 2_250)
    # 5 % of 22.50 is 1.125, whose half goes up.
    assert bought.selling.holds() == {"usd": 2_250 - 113}
    assert [sale.net for sale in bought.selling.sales()] == [2_250 - 113]


def test_a_thousandth_of_a_cent_a_call_is_exact(seller: Seller) -> None:
    seller.listen()
    seller.onboard()
    cheap = Bought(seller, seller.clock(), "12.345")
    cheap.ship(cheap.first, 41)
    cheap.send()
    # 506.145 cents.
    assert cheap.invoiced() == (41, 506)


def test_buyers_pay_for_their_own_calls(bought: Bought) -> None:
    second = bought.selling.buy(bought.purchase.offer, email="second@example.com")
    row, _ = purchase_key_issue(second)
    bought.ship(bought.first, 3)
    Ships(bought.selling.shop.tenant, bought.selling.endpoint.pk, f"key:{row.pk}")(bought.first, 4)
    bought.send()
    bought.invoiced()
    with tenant_context(bought.selling.shop.tenant.id):
        found = {each.pk: sum(sale.calls for sale in each.sales.all()) for each in Purchase.objects.all()}
    assert found == {bought.purchase.pk: 3, second.pk: 4}


@pytest.mark.parametrize("is_done", [False, True], ids=["refused", "done"])
@pytest.mark.parametrize("status", [429, 500, 0])
def test_an_outage_neither_loses_nor_doubles_a_call(bought: Bought, status: int, *, is_done: bool) -> None:
    bought.ship(bought.first, 4)
    bought.outage(status, is_done=is_done)
    assert bought.send() == 1
    assert bought.reports() == [(4, "waiting")]
    bought.selling.shop.simulator.told("outages", outages=[])
    assert bought.send() == 1
    assert bought.reports() == [(4, "sent")]
    assert bought.invoiced() == (4, 1_000)


def test_a_report_that_was_sent_by_whoever_died_then_is_not_counted_again(bought: Bought) -> None:
    bought.ship(bought.first, 4)
    bought.send()
    with tenant_context(bought.selling.shop.tenant.id):
        report = PurchaseReport.objects.get()
        PurchaseReport.objects.update(state="waiting")
    PurchaseReportDue.objects.create(report_id=report.pk, tenant_id=report.tenant_id, due_at=bought.now)
    assert bought.send() == 1
    assert bought.invoiced() == (4, 1_000)


def test_what_stripe_did_not_say_for_a_day_is_left_to_a_person(bought: Bought) -> None:
    bought.ship(bought.first, 4)
    bought.outage(500, is_done=True)
    bought.send()
    assert bought.send(KNOWN_AGAIN + timedelta(minutes=1)) == 1
    assert bought.reports() == [(4, "failed")]


def test_a_sellers_smaller_plan_changes_nothing_for_its_buyers(bought: Bought) -> None:
    tenant_id = bought.selling.shop.tenant.id
    with tenant_context(tenant_id):
        entitlement_grant(tenant_id=tenant_id, plan=plan_on_sale("developer"), standing=Standing.FREE)
    bought.ship(bought.first, 4)
    bought.send()
    assert len(bought.selling.served()) == 1
    assert bought.invoiced() == (4, 1_000)


def test_calls_before_the_end_are_billed_with_it_and_later_ones_are_waived(bought: Bought) -> None:
    bought.ship(bought.first, 4)
    bought.send()
    client, options = bought.selling.shop.client, bought.selling.options
    client.v1.subscriptions.cancel(bought.purchase.subscription_id, {"invoice_now": True}, options)
    bought.selling.deliver()
    assert bought.selling.again(bought.purchase).standing == PurchaseStanding.ENDED
    assert [(sale.calls, sale.amount) for sale in bought.selling.sales()] == [(4, 1_000)]
    bought.ship(bought.first, 1)
    bought.send()
    assert bought.reports() == [(4, "sent"), (1, "waived")]
