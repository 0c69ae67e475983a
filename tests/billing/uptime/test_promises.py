"""What was promised and when is remembered, and months are closed by it, whatever holds by then."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from billing.contracts import Agreed, contract_agree, contract_end
from billing.entitlements import entitlement_grant
from billing.models import Contract, EntitlementDue, StatusPage, UptimeMonth, UptimePromise, UptimeWatch
from billing.plans.models import TERMS, PlanVersion, Standing
from billing.plans.selling import plan_on_sale
from billing.tasks import entitlements_settle_due
from billing.uptime.choosing import uptime_choose, uptime_watch
from billing.uptime.minutes import MINUTES, Evidence
from billing.uptime.months import months_close
from billing.uptime.recording import KEPT, LOOK_BACK, endpoints_watched, evidence_add
from core.tenancy import tenant_context
from tests.conftest import Cast, unique
from tests.entitled import entitle_outside

NOW = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 31
PRICE = 2_999_00
ALL_DAY = Evidence(up=(1 << MINUTES) - 1)


def day(number: int) -> datetime:
    """When that day of October began."""
    return OCTOBER + timedelta(days=number - 1)


def watched(cast: Cast, *down: int, until: datetime | None = None) -> UUID:
    """An endpoint that was up all October but for these days."""
    endpoint_id = uuid4()
    with tenant_context(cast.tenant.pk):
        endpoints_watched(cast.tenant.pk, {endpoint_id: ("weather", "Weather")}, OCTOBER)
        for number in range(1, DAYS + 1):
            if number not in down:
                evidence_add(cast.tenant.pk, {(endpoint_id, day(number).date()): ALL_DAY})
        if until:
            endpoints_watched(cast.tenant.pk, {}, until)
    return endpoint_id


def promises(cast: Cast) -> list[UptimePromise]:
    with tenant_context(cast.tenant.pk):
        return list(UptimePromise.objects.order_by("pk"))


def happened(cast: Cast, *moments: datetime) -> None:
    """Has the changes of what is promised, which were made just now, happen at these moments, one after the other."""
    found = promises(cast)
    with tenant_context(cast.tenant.pk):
        ends = [*moments[1:], None][: len(found)]
        for promise, since, until in zip(found, moments, ends, strict=False):
            ended = until if promise.until else None
            UptimePromise.objects.filter(pk=promise.pk).update(since=since, until=ended)


def closed(cast: Cast) -> UptimeMonth:
    months_close(NOW)
    with tenant_context(cast.tenant.pk):
        return UptimeMonth.objects.get()


def spans(cast: Cast) -> list[tuple[str, int, bool]]:
    return [(promise.plan_id, promise.price_cents, promise.until is None) for promise in promises(cast)]


def test_who_goes_down_in_a_month_is_given_back_for_the_part_that_was_promised(cast: Cast) -> None:
    watched(cast, 5, 20)
    entitle_outside(cast.tenant.pk, "enterprise")
    entitle_outside(cast.tenant.pk, "developer")
    happened(cast, OCTOBER, day(11))
    uptime_choose(NOW)
    assert UptimeWatch.objects.get(tenant_id=cast.tenant.pk).ended_at == NOW
    row = closed(cast)
    # One day of ten, and not the one that came later.
    assert (str(row.uptime), row.target, row.share) == ("90.0000", Decimal("99.9"), 50)
    assert row.credit_cents == round(PRICE * 10 / DAYS * 0.5)
    assert row.endpoints[0]["minutes_down"] == 2 * MINUTES
    assert row.promised[0]["minutes"] == 10 * MINUTES


def test_what_was_down_before_it_was_promised_is_not_given_back(cast: Cast) -> None:
    watched(cast, 5)
    entitle_outside(cast.tenant.pk, "enterprise")
    happened(cast, day(6))
    assert (closed(cast).share, closed(cast).credit_cents, closed(cast).uptime) == (0, 0, Decimal(100))


def test_who_unpublishes_its_page_has_its_month_still(cast: Cast) -> None:
    watched(cast, 5)
    with tenant_context(cast.tenant.pk):
        page = StatusPage.objects.create(tenant=cast.tenant, name="A", published=True)
        uptime_watch(cast.tenant.pk)
        page.published = False
        page.save()
    uptime_choose(day(20))
    row = closed(cast)
    assert (row.target, row.credit_cents, row.promised) == (None, 0, [])
    assert row.endpoints[0]["minutes_counted"] == 19 * MINUTES


def test_a_contract_that_ends_counts_until_then_at_its_price(cast: Cast) -> None:
    watched(cast, 5, 25)
    contract_agree(slug=cast.tenant.slug, agreed=Agreed(plan=plan_on_sale("unlimited"), price_cents=31_000_00))
    contract_end(slug=cast.tenant.slug)
    assert spans(cast) == [("unlimited-1", 31_000_00, False)]
    happened(cast, OCTOBER, day(21))
    assert (closed(cast).share, closed(cast).credit_cents) == (25, 20_000_00 // 4)


def test_a_contract_that_ends_on_its_day_promises_no_more(cast: Cast) -> None:
    end = timezone.now() + timedelta(days=1)
    contract_agree(slug=cast.tenant.slug, agreed=Agreed(plan=plan_on_sale("unlimited"), ends_at=end))
    past = timezone.now() - timedelta(minutes=1)
    with tenant_context(cast.tenant.pk):
        Contract.objects.update(starts_at=past - timedelta(days=1), ends_at=past)
        EntitlementDue.objects.filter(tenant_id=cast.tenant.pk).update(due_at=past)
    entitlements_settle_due()
    assert spans(cast) == [("unlimited-1", 0, False)]


def test_another_price_has_each_part_judged_by_itself(cast: Cast) -> None:
    watched(cast, 5)
    entitle_outside(cast.tenant.pk, "enterprise")
    contract_agree(slug=cast.tenant.slug, agreed=Agreed(price_cents=1_000_00))
    happened(cast, OCTOBER, day(11))
    row = closed(cast)
    assert [(one["price_cents"], one["share"], one["uptime_percent"]) for one in row.promised] == [
        (PRICE, 50, "90.0000"),
        (1_000_00, 0, "100.0000"),
    ]
    assert row.credit_cents == round(PRICE * 10 / DAYS * 0.5)


def test_another_version_of_the_plan_counts_from_when_it_is_had(cast: Cast) -> None:
    watched(cast, 25)
    former = plan_on_sale("enterprise")
    values = {name: getattr(former, name) for name in TERMS}
    name = unique("special")
    said = {"title": "Special", "support": "E-mail", "version": 2, "monthly_price_cents": 3_100_00}
    version = PlanVersion.objects.create(id=f"{name}-2", name=name, **values | said)
    entitle_outside(cast.tenant.pk, "enterprise")
    with tenant_context(cast.tenant.pk):
        entitlement_grant(tenant_id=cast.tenant.pk, plan=version, standing=Standing.ACTIVE)
    assert spans(cast) == [("enterprise-1", PRICE, False), (f"{name}-2", 3_100_00, True)]
    happened(cast, OCTOBER, day(22))
    assert (closed(cast).credit_cents, closed(cast).share) == (500_00, 50)


@pytest.mark.parametrize("then", ["stays away", "pays again"])
def test_what_lapses_promises_nothing_until_it_is_paid(cast: Cast, then: str) -> None:
    watched(cast, 15)
    for standing in (Standing.ACTIVE, Standing.PAST_DUE, Standing.GRACE, Standing.LAPSED):
        with tenant_context(cast.tenant.pk):
            entitlement_grant(tenant_id=cast.tenant.pk, plan=plan_on_sale("enterprise"), standing=standing)
    assert spans(cast) == [("enterprise-1", PRICE, False)]
    if then == "pays again":
        entitle_outside(cast.tenant.pk, "enterprise")
        (first, second) = promises(cast)
        with tenant_context(cast.tenant.pk):
            UptimePromise.objects.filter(pk=first.pk).update(since=OCTOBER, until=day(11))
            UptimePromise.objects.filter(pk=second.pk).update(since=day(21))
    else:
        happened(cast, OCTOBER, day(11))
    row = closed(cast)
    assert (row.share, row.credit_cents) == (0, 0)
    assert [one["minutes"] for one in row.promised] == [(21 if then == "pays again" else 10) * MINUTES]


def test_a_trial_costs_nothing_and_gives_nothing_back(cast: Cast) -> None:
    watched(cast, 5)
    with tenant_context(cast.tenant.pk):
        entitlement_grant(tenant_id=cast.tenant.pk, plan=plan_on_sale("enterprise"), standing=Standing.TRIALING)
        entitlement_grant(tenant_id=cast.tenant.pk, plan=plan_on_sale("enterprise"), standing=Standing.ACTIVE)
    assert spans(cast) == [("enterprise-1", 0, False), ("enterprise-1", PRICE, True)]
    happened(cast, OCTOBER, day(15))
    row = closed(cast)
    assert [(one["share"], one["credit_cents"]) for one in row.promised] == [(50, 0), (0, 0)]
    assert row.credit_cents == 0


def test_an_endpoint_that_is_deleted_in_the_month_counts_until_then(cast: Cast) -> None:
    watched(cast, 5, 20, until=day(11))
    entitle_outside(cast.tenant.pk, "enterprise")
    happened(cast, OCTOBER)
    row = closed(cast)
    assert (row.endpoints[0]["minutes_counted"], row.endpoints[0]["minutes_down"]) == (10 * MINUTES, MINUTES)
    assert (str(row.uptime), row.credit_cents) == ("90.0000", PRICE // 2)


def test_the_same_terms_again_are_no_other_promise(cast: Cast) -> None:
    for _ in range(3):
        entitle_outside(cast.tenant.pk, "enterprise")
    assert spans(cast) == [("enterprise-1", PRICE, True)]
    assert UptimeWatch.objects.get(tenant_id=cast.tenant.pk).ended_at is None


def test_what_was_promised_is_watched_until_its_last_calls_came(cast: Cast) -> None:
    entitle_outside(cast.tenant.pk, "enterprise")
    entitle_outside(cast.tenant.pk, "developer")
    watch = UptimeWatch.objects.filter(tenant_id=cast.tenant.pk)
    now = timezone.now()
    uptime_choose(now)
    assert watch.get().ended_at is None
    uptime_choose(now + LOOK_BACK)
    assert watch.get().ended_at == now + LOOK_BACK
    uptime_choose(now + KEPT + timedelta(days=1))
    assert not watch.exists()
    assert promises(cast) == []


def test_who_comes_back_keeps_what_was_counted_before_and_the_time_between_does_not_count(cast: Cast) -> None:
    endpoint_id = watched(cast, 15, 16, 25)
    with tenant_context(cast.tenant.pk):
        endpoints_watched(cast.tenant.pk, {}, day(12))
        endpoints_watched(cast.tenant.pk, {endpoint_id: ("weather", "Weather")}, day(21))
        uptime_watch(cast.tenant.pk)
    row = closed(cast)
    told = row.endpoints[0]
    assert (told["minutes_counted"], told["minutes_down"]) == ((11 + 11) * MINUTES, MINUTES)


def test_a_tenant_that_is_being_deleted_gets_no_month_and_one_that_is_gone_is_forgotten(cast: Cast) -> None:
    watched(cast)
    entitle_outside(cast.tenant.pk, "enterprise")
    with tenant_context(cast.tenant.pk):
        cast.tenant.delete_after = NOW
        cast.tenant.save()
    months_close(NOW)
    with tenant_context(cast.tenant.pk):
        assert not UptimeMonth.objects.exists()
        cast.tenant.delete()
    uptime_choose(NOW)
    assert not UptimeWatch.objects.filter(tenant_id=cast.tenant.pk).exists()


def test_a_month_is_closed_also_by_jobs_that_were_away_all_the_next(cast: Cast) -> None:
    watched(cast, 5)
    entitle_outside(cast.tenant.pk, "enterprise")
    happened(cast, OCTOBER)
    months_close(NOW + timedelta(days=DAYS))
    with tenant_context(cast.tenant.pk):
        missed = UptimeMonth.objects.get(month=OCTOBER.date())
    months_close(NOW + timedelta(days=DAYS))
    with tenant_context(cast.tenant.pk):
        assert UptimeMonth.objects.filter(month=missed.month).count() == 1
