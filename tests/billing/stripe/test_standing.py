"""How a tenant stands while time passes: cards that fail, dunning, grace, the end of it, and the way back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from billing.stripe.models import Dispute, Invoice, InvoiceLine, Refund, StripeCustomer
from billing.stripe.passing_time import standings_settle
from core.tenancy import tenant_context
from tests.billing.stripe.paying import DAY, HOUR, Clock, Shop

MONTH = 31 * DAY
# When Stripe gives up: three, five and seven days after the first refusal, which is an hour after the draft.
GIVEN_UP = MONTH + 15 * DAY + 3 * HOUR


@pytest.fixture
def clock(shop: Shop) -> Clock:
    """A tenant that pays for Professional, and whose card will fail."""
    shop.listen()
    made = shop.clock()
    shop.buy()
    made.pay_with("pm_card_chargeCustomerFail")
    shop.deliver()
    assert shop.has() == ("professional-1", "active", 50_000)
    return made


def test_a_card_that_fails_changes_nothing_until_the_end_of_grace(shop: Shop, clock: Clock) -> None:
    clock.advance(MONTH + 3 * HOUR)
    shop.deliver()
    assert shop.has() == ("professional-1", "past_due", 50_000)
    clock.advance(GIVEN_UP)
    shop.deliver()
    held = shop.entitlement()
    assert (held.plan_id, held.standing, held.connections) == ("professional-1", "grace", 50_000)
    assert held.until is not None
    standings_settle(held.until - timedelta(seconds=1))
    assert shop.has()[1] == "grace"
    standings_settle(held.until)
    assert shop.has() == ("professional-1", "lapsed", 1_000)
    shop.buy()
    shop.deliver()
    assert shop.has() == ("professional-1", "active", 50_000)


def test_whoever_pays_during_dunning_is_back(shop: Shop, clock: Clock) -> None:
    clock.advance(MONTH + 3 * HOUR)
    shop.deliver()
    clock.pay_with("pm_card_visa")
    clock.advance(MONTH + 4 * DAY)
    shop.deliver()
    assert shop.has() == ("professional-1", "active", 50_000)
    with tenant_context(shop.tenant.id):
        statuses = list(Invoice.objects.order_by("-created").values_list("status", "attempts"))
    assert statuses == [("paid", 2), ("paid", 1)]


def test_invoices_are_there_with_their_lines(shop: Shop, clock: Clock) -> None:
    clock.pay_with("pm_card_visa")
    payload = {"stripe_customer_id": clock.customer, "value": str(5_000_400)}
    event = {"event_name": "armstrong_calls", "payload": payload, "identifier": f"calls-{shop.tenant.id}"}
    clock.advance(DAY)
    shop.client.v1.billing.meter_events.create(event)  # type: ignore[arg-type]
    clock.advance(MONTH + 3 * HOUR)
    shop.deliver()
    with tenant_context(shop.tenant.id):
        invoice = Invoice.objects.order_by("-created")[0]
        lines = list(
            InvoiceLine.objects.filter(invoice=invoice.stripe_id).order_by("place").values_list("amount", "is_metered")
        )
        metered = InvoiceLine.objects.filter(invoice=invoice.stripe_id, is_metered=True).order_by("place").last()
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 49_902, 49_902)
    assert lines == [(0, True), (2, True), (49_900, False)]
    assert metered is not None
    assert metered.quantity == 400
    assert (metered.period_start.timestamp(), metered.unit_amount) == (clock.began, Decimal("0.005"))


@pytest.mark.usefixtures("own_account")
def test_what_is_given_back_and_what_banks_take_back_is_there(shop: Shop) -> None:
    shop.listen()
    shop.buy()
    charge = shop.client.v1.charges.list({}).data[0].id
    shop.client.v1.refunds.create({"charge": charge, "amount": 1_000})
    key = shop.key
    dispute = shop.simulator.told("disputes", key=key, charge=charge)["id"]
    shop.deliver()
    with tenant_context(shop.tenant.id):
        assert list(Refund.objects.values_list("amount", "status")) == [(1_000, "succeeded")]
        assert list(Dispute.objects.values_list("stripe_id", "status")) == [(dispute, "needs_response")]
    shop.simulator.told("disputes", key=key, close=dispute, status="lost")
    shop.deliver()
    mail.outbox.clear()
    assert standings_settle() >= 1
    standings_settle()
    mine = [each for each in mail.outbox if each.to == [shop.cast.alice.email]]
    assert [each.subject for each in mine] == ["A disputed payment was taken back"]
    assert "$499.00" in mine[0].body
    assert StripeCustomer.objects.get(pk=shop.tenant.id).look_at is None
    # Nothing is taken away for it.
    assert shop.has()[1] == "active"
