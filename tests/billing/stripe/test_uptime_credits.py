"""A month below what was promised: written down once, told, and taken off the next invoice, whatever dies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from billing.models import UptimeDay, UptimeMonth, UptimePromise
from billing.uptime.crediting import credits_give
from billing.uptime.minutes import MINUTES, Evidence
from billing.uptime.months import months_close, months_tell
from billing.uptime.recording import endpoints_watched, evidence_add
from billing.uptime.terms import credit_of, share_of
from core.tenancy import tenant_context
from tests.billing.stripe.paying import Shop
from tests.conftest import Cast
from tests.console.visitor import mails_to
from tests.entitled import entitle

NOW = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def october(cast: Cast) -> Cast:
    """A month with one day down of one of two endpoints, for a tenant to whom 99.9 % are promised."""
    good, bad = uuid4(), uuid4()
    up, nothing = Evidence(up=(1 << MINUTES) - 1), Evidence()
    with tenant_context(cast.tenant.pk):
        entitle(cast.tenant.pk, plan="enterprise")
        UptimePromise.objects.update(since=OCTOBER)
        endpoints_watched(cast.tenant.pk, {good: ("good", "Good"), bad: ("bad", "Bad")}, OCTOBER)
        for number in range(31):
            day = (OCTOBER + timedelta(days=number)).date()
            evidence_add(cast.tenant.pk, {(good, day): up, (bad, day): nothing if number == 9 else up})
    return cast


def month_of(cast: Cast) -> UptimeMonth:
    with tenant_context(cast.tenant.pk):
        return UptimeMonth.objects.get()


def test_the_worst_endpoint_decides_and_a_month_is_written_once(october: Cast) -> None:
    assert months_close(NOW) >= 1
    with tenant_context(october.tenant.pk):
        UptimeDay.objects.all().delete()
    months_close(NOW)
    row = month_of(october)
    assert (str(row.uptime), row.share, row.credit_cents) == ("96.7741", 25, 749_75)
    assert [(one["name"], one["minutes_down"]) for one in row.endpoints] == [("Bad", MINUTES), ("Good", 0)]


def test_it_is_told_once_to_owners_and_admins(october: Cast) -> None:
    months_close(NOW)
    months_tell()
    months_tell()
    (mail,) = [str(one.body) for one in mails_to(october.alice.email)]
    assert "Bad: 96.7741 %, 1440 min down" in mail
    assert "$749.75 is given back: up to 25 % of the price of that time. We credit it to you by hand." in mail
    assert not mails_to(october.bob.email)


def test_without_the_promise_nothing_is_given_back(october: Cast) -> None:
    with tenant_context(october.tenant.pk):
        UptimePromise.objects.all().delete()
    months_close(NOW)
    row = month_of(october)
    assert (row.target, row.share, row.credit_cents) == (None, 0, 0)


def test_the_next_invoice_is_smaller_by_it_once(shop: Shop, october: Cast) -> None:
    clock = shop.clock()
    months_close(NOW)
    credits_give()
    with tenant_context(october.tenant.pk):
        # Somebody was killed before it was written down that Stripe knew.
        UptimeMonth.objects.update(credited_at=None)
    credits_give()
    customer = shop.client.v1.customers.retrieve(clock.customer)
    assert customer.balance == -749_75
    assert month_of(october).credited_at is not None


def test_stripe_away_is_tried_again(shop: Shop, october: Cast) -> None:
    clock = shop.clock()
    months_close(NOW)
    shop.simulator.told("outages", outages=[{"path": "/v1/customers", "status": 500, "times": 20}])
    credits_give()
    assert month_of(october).credited_at is None
    shop.simulator.told("outages", outages=[])
    credits_give()
    assert shop.client.v1.customers.retrieve(clock.customer).balance == -749_75


@pytest.mark.parametrize(
    ("uptime", "share"),
    [(None, 0), ("100", 0), ("99.9", 0), ("99.8999", 10), ("98.9999", 25), ("94.9999", 50), ("0", 50)],
)
def test_terms(uptime: str | None, share: int) -> None:
    assert share_of(uptime if uptime is None else Decimal(uptime)) == share
    assert credit_of(299_901, 25) == 74_975
