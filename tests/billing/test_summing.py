"""Sums equal the calls they were made of, also when calls come late, twice or after their hour was deleted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from billing.ledger.models import UsageDue, UsageEvent, UsageHour, UsageKept
from billing.ledger.partitions import partitions_drop, partitions_make
from billing.ledger.retention import usage_expire
from billing.ledger.summing import usage_sum
from billing.tasks import usage_partitions
from core.tenancy import tenant_context
from tenants.models import Tenant
from tests.billing.ships import Ships
from tests.conftest import Cast
from tests.entitled import entitle_outside

NOW = datetime.now(UTC)
# What the plan keeps calls for.
DEVELOPERS = timedelta(days=7)
HOUR = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def ship(cast: Cast) -> Ships:
    """Ships calls of Alice's tenant."""
    return Ships(cast.tenant)


def _sums(tenant: Tenant) -> dict[datetime, tuple[int, int, int]]:
    with tenant_context(tenant.id):
        rows = UsageHour.objects.order_by("hour", "name")
        sums: dict[datetime, tuple[int, int, int]] = {}
        for row in rows:
            calls, billable, errors = sums.get(row.hour, (0, 0, 0))
            sums[row.hour] = (calls + row.calls, billable + row.billable, errors + row.errors)
    return sums


def _calls(tenant: Tenant) -> int:
    with tenant_context(tenant.id):
        return UsageEvent.objects.count()


def test_sums_are_those_of_the_calls(cast: Cast, ship: Ships) -> None:
    ship(HOUR + timedelta(minutes=1), 5)
    ship(HOUR + timedelta(minutes=59), 2, outcome="tool_error", name="other")
    ship(HOUR + timedelta(hours=1), 1)
    usage_sum()
    assert _sums(cast.tenant) == {HOUR: (7, 5, 2), HOUR + timedelta(hours=1): (1, 1, 0)}
    with tenant_context(cast.tenant.id):
        row = UsageHour.objects.get(hour=HOUR, name="echo")
        assert (row.microseconds, row.bytes_in, row.bytes_out) == (500, 50, 100)
        assert not UsageDue.objects.filter(tenant_id=cast.tenant.id).exists()


def test_summing_again_changes_nothing_and_late_calls_count_once(cast: Cast, ship: Ships) -> None:
    ship(HOUR, 3)
    for _ in range(2):
        usage_sum()
    ship(HOUR + timedelta(minutes=30), 2)
    for _ in range(2):
        usage_sum()
    assert _sums(cast.tenant) == {HOUR: (5, 5, 0)}


def test_an_hour_stays_due_when_more_of_it_came_while_it_was_summed(cast: Cast, ship: Ships) -> None:
    ship(HOUR, 3)
    seen = list(UsageDue.objects.filter(tenant_id=cast.tenant.id).values_list("boot", "sequence"))
    ship(HOUR, 1)
    UsageDue.objects.filter(tenant_id=cast.tenant.id, boot=seen[0][0], sequence=seen[0][1]).delete()
    assert UsageDue.objects.filter(tenant_id=cast.tenant.id).exists()
    usage_sum()
    assert _sums(cast.tenant) == {HOUR: (4, 4, 0)}


def test_calls_are_kept_as_long_as_the_plan_says_and_their_sums_longer(cast: Cast, ship: Ships) -> None:
    old = HOUR - DEVELOPERS
    ship(old, 4)
    ship(HOUR, 1)
    usage_expire()
    assert _calls(cast.tenant) == 1
    assert _sums(cast.tenant) == {old: (4, 4, 0), HOUR: (1, 1, 0)}


def test_a_call_that_comes_after_its_hour_was_deleted_is_added_to_the_sum_once(cast: Cast, ship: Ships) -> None:
    old = HOUR - DEVELOPERS
    ship(old, 4)
    usage_expire()
    ship(old + timedelta(minutes=5), 2)
    for _ in range(2):
        usage_sum()
    assert _sums(cast.tenant) == {old: (6, 6, 0)}
    assert _calls(cast.tenant) == 0


def test_a_tier_that_keeps_longer_keeps_what_was_not_deleted_yet(cast: Cast, ship: Ships) -> None:
    entitle_outside(cast.tenant.id, "enterprise")
    ship(HOUR - timedelta(days=40), 2)
    usage_expire()
    assert _calls(cast.tenant) == 2
    with tenant_context(cast.tenant.id):
        assert not UsageKept.objects.exists()


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'billing_usageevent'::regclass"
        )
        return {row[0] for row in cursor.fetchall()}


def test_days_are_made_ahead_and_dropped_when_no_tier_keeps_them() -> None:
    ancient = (NOW - timedelta(days=400)).date()
    partitions_make(ancient, days=1)
    usage_partitions()
    made = _partitions()
    assert {f"billing_usageevent_{NOW + timedelta(days=day):%Y%m%d}" for day in range(7)} <= made
    assert partitions_drop() >= 1
    assert made - _partitions() >= {f"billing_usageevent_{ancient:%Y%m%d}"}
    assert f"billing_usageevent_{NOW:%Y%m%d}" in _partitions()


def test_nobody_drops_days_that_may_still_be_kept() -> None:
    partitions_make(NOW.date(), days=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_usage_partitions_drop(current_date + 1000)")
    assert f"billing_usageevent_{NOW:%Y%m%d}" in _partitions()


def test_a_tenant_takes_its_usage_along(cast: Cast, ship: Ships) -> None:
    ship(HOUR, 2)
    usage_sum()
    ship(HOUR, 1)
    with tenant_context(cast.tenant.id):
        Tenant.objects.get().delete()
    assert _calls(cast.tenant) == 0
    usage_sum()
    assert _sums(cast.tenant) == {}
