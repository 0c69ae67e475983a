"""Calls reach Stripe's meter once each, whatever fails in between: billed is what the ledger says, to the call."""

from datetime import timedelta

import pytest

from billing.ledger.summing import sum_due
from billing.metering.models import ReportState, UsageReport, UsageReportDue
from billing.metering.opening import line_open
from billing.metering.periods import calls_in, period_now
from billing.metering.sending import KNOWN_AGAIN, reports_send, tenant_catch_up
from billing.metering.verifying import Verified
from billing.stripe.catalogue_names import Interval
from billing.stripe.models import InvoiceLine, StripeCustomer, Subscription
from billing.stripe.subscriptions import subscription_change
from core.tenancy import tenant_context
from tests.billing.stripe.metered import Metered
from tests.billing.stripe.paying import DAY, HOUR
from tests.conftest import unique
from tests.races import at_once

MONTH = 31 * DAY


def test_calls_are_told_once_and_late_ones_with_another_report(metered: Metered) -> None:
    metered.ship(metered.first, 5)
    metered.ship(metered.first, 2, outcome="failed")
    metered.ship(metered.first + timedelta(hours=1), 3)
    assert metered.send() == 2
    assert metered.send() == 0
    assert metered.verified() == Verified(8, 8, 0, 0, 8, 0, 8)
    metered.ship(metered.first, 4)
    assert metered.send() == 1
    assert metered.reports() == [(5, "sent"), (3, "sent"), (4, "sent")]
    found = metered.verified()
    assert found.is_right
    assert found.metered == 12


def test_what_comes_before_a_report_was_tried_is_told_with_it(metered: Metered) -> None:
    metered.ship(metered.first, 5)
    sum_due(metered.shop.tenant.id)
    metered.ship(metered.first, 1)
    sum_due(metered.shop.tenant.id)
    assert metered.reports() == [(6, "waiting")]
    assert metered.send() == 1
    assert metered.verified().metered == 6


@pytest.mark.parametrize("is_done", [False, True], ids=["refused", "done"])
@pytest.mark.parametrize("status", [429, 500, 0])
def test_an_outage_neither_loses_nor_doubles_a_call(metered: Metered, status: int, *, is_done: bool) -> None:
    metered.ship(metered.first, 7)
    metered.outage(status, times=3, is_done=is_done)
    assert metered.send() == 1
    assert metered.reports() == [(7, "waiting")]
    unsure = metered.verified()
    assert (unsure.sent, unsure.unsure, unsure.is_right) == (0, 7, True)
    metered.shop.simulator.told("outages", outages=[])
    metered.ship(metered.first, 1)
    assert metered.send() == 2
    assert metered.reports() == [(7, "sent"), (1, "sent")]
    assert metered.verified() == Verified(8, 8, 0, 0, 8, 0, 8)


def test_a_report_that_was_sent_by_whoever_died_then_is_not_counted_again(metered: Metered) -> None:
    """Killed between Stripe's answer and writing it down."""
    metered.ship(metered.first, 7)
    metered.send()
    tenant_id = metered.shop.tenant.id
    with tenant_context(tenant_id):
        UsageReport.objects.update(state=ReportState.WAITING)
        report = UsageReport.objects.get()
    UsageReportDue.objects.create(report_id=report.pk, tenant_id=tenant_id, due_at=metered.now)
    assert metered.send() == 1
    assert metered.reports() == [(7, "sent")]
    assert metered.verified().metered == 7


def test_many_that_send_at_once_send_each_report_once(metered: Metered) -> None:
    for number in range(6):
        metered.ship(metered.first + timedelta(hours=1, seconds=number), 1)
        metered.ship(metered.first, 1)
    sum_due(metered.shop.tenant.id)
    UsageReportDue.objects.filter(tenant_id=metered.shop.tenant.id).update(due_at=metered.now)
    at_once(*[lambda: reports_send(metered.now, tenant_id=metered.shop.tenant.id)] * 4)
    assert metered.reports() == [(6, "sent"), (6, "sent")]
    assert metered.verified() == Verified(12, 12, 0, 0, 12, 0, 12)


def test_what_stripe_would_not_have_is_seen(metered: Metered) -> None:
    metered.ship(metered.first, 1)
    sum_due(metered.shop.tenant.id)
    StripeCustomer.objects.filter(pk=metered.shop.tenant.id).update(stripe_id=unique("cus"))
    assert metered.send() == 1
    assert metered.reports() == [(1, "failed")]


def test_what_stripe_did_not_say_for_a_day_is_left_to_a_person(metered: Metered) -> None:
    metered.ship(metered.first, 7)
    metered.outage(500, times=3, is_done=True)
    metered.send()
    assert metered.send(KNOWN_AGAIN + timedelta(minutes=1)) == 1
    assert metered.reports() == [(7, "failed")]
    assert not metered.verified().is_right


def test_calls_before_a_subscription_are_not_billed(metered: Metered) -> None:
    metered.ship(metered.first - timedelta(hours=1), 4)
    metered.ship(metered.first, 1)
    metered.send()
    assert metered.verified() == Verified(1, 1, 0, 0, 1, 0, 1)


def test_calls_that_were_summed_before_their_subscription_was_known_are_reported_later(metered: Metered) -> None:
    tenant_id = metered.shop.tenant.id
    with tenant_context(tenant_id):
        overage = Subscription.objects.get().overage_price
        Subscription.objects.update(overage_price="")
    metered.ship(metered.first, 3)
    sum_due(tenant_id)
    assert metered.reports() == []
    with tenant_context(tenant_id):
        Subscription.objects.update(overage_price=overage)
    assert [tenant_catch_up(tenant_id) for _ in range(2)] == [3, 0]
    metered.send()
    assert metered.verified() == Verified(3, 3, 0, 0, 3, 0, 3)


def test_calls_that_come_after_their_period_are_billed_with_the_next(metered: Metered) -> None:
    metered.ship(metered.first, 2)
    metered.send()
    metered.pass_to(metered.first + timedelta(seconds=MONTH + 3 * HOUR))
    metered.shop.deliver()
    metered.ship(metered.first, 5)
    metered.ship(metered.now - timedelta(hours=1), 1)
    metered.send()
    with tenant_context(metered.shop.tenant.id):
        began = Subscription.objects.get().period_start
        told = {row.calls: row.at for row in UsageReport.objects.all() if row.at}
    assert told[2] < began <= told[5]
    assert metered.verified() == Verified(8, 8, 0, 0, 8, 0, 8)


def test_calls_that_no_subscription_bills_any_more_are_waived(metered: Metered) -> None:
    metered.ship(metered.first, 2)
    sum_due(metered.shop.tenant.id)
    with tenant_context(metered.shop.tenant.id):
        Subscription.objects.update(status="canceled", ended_at=metered.now)
    metered.send()
    assert metered.reports() == [(2, "waived")]
    assert metered.verified() == Verified(2, 2, 2, 0, 0, 0, 0)


def test_an_invoice_bills_what_the_ledger_says(metered: Metered) -> None:
    metered.ship(metered.first, 3)
    metered.send()
    metered.add(5_000_397)
    metered.send()
    metered.pass_to(metered.first + timedelta(seconds=MONTH + 3 * HOUR))
    metered.shop.deliver()
    with tenant_context(metered.shop.tenant.id):
        lines = list(InvoiceLine.objects.filter(is_metered=True).order_by("place").values_list("quantity", "amount"))
    assert lines == [(5_000_000, 0), (400, 2)]


def test_a_change_of_plan_bills_what_was_told_and_what_comes_after_it_each_once(metered: Metered) -> None:
    shop = metered.shop
    metered.add(5_000_000 + 100_000)
    metered.send()
    metered.pass_to(metered.first + timedelta(hours=5, minutes=30))
    subscription_change(actor=shop.alice, plan="enterprise", interval=Interval.MONTH)
    # Calls from before the change of which nothing was told by then, and some of after it.
    metered.ship(metered.first + timedelta(hours=4), 3)
    metered.ship(metered.first + timedelta(hours=6), 4)
    metered.pass_to(metered.first + timedelta(hours=8))
    metered.send()
    metered.end_period()
    assert metered.verified().is_right
    with tenant_context(shop.tenant.id):
        changed = Subscription.objects.get().overage_since
        lines = list(InvoiceLine.objects.filter(is_metered=True, quantity__gt=0).order_by("period_start", "place"))
        assert [(line.quantity, line.amount) for line in lines] == [(5_000_000, 0), (100_000, 5_00), (7, 0)]
        assert changed
        assert [line.period_end for line in lines[:2]] == [changed] * 2
        opened = [line_open(line.invoice, line.stripe_id) for line in lines]
    assert all(each.is_exact for each in opened)
    assert [(each.told, each.late) for each in opened] == [(5_100_000, 0), (5_100_000, 0), (7, 3)]


def test_what_a_period_costs_so_far_begins_anew_with_another_plan(metered: Metered) -> None:
    shop = metered.shop
    metered.ship(metered.first, 5)
    metered.send()
    subscription_change(actor=shop.alice, plan="enterprise", interval=Interval.MONTH)
    with tenant_context(shop.tenant.id):
        row = Subscription.objects.get()
        period = period_now(shop.tenant.id)
        assert (period.since, period.until, period.included) == (row.overage_since, row.period_end, 100_000_000)
        assert calls_in(period) == 0


def test_calls_that_come_later_than_stripe_takes_them_are_told_under_the_time_that_it_is(metered: Metered) -> None:
    subscription_change(actor=metered.shop.alice, plan="professional", interval=Interval.YEAR)
    metered.pass_to(metered.first + timedelta(days=40))
    metered.shop.deliver()
    metered.ship(metered.first + timedelta(hours=3), 6)
    assert metered.send() == 1
    assert metered.reports() == [(6, "sent")]
    with tenant_context(metered.shop.tenant.id):
        assert UsageReport.objects.get().at == metered.now
