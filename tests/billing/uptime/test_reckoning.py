"""What evidence comes to: from looks, from calls, and from nothing at all."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from billing.models import UptimeDay, UptimeDue, UptimeWatch, WatchedEndpoint
from billing.uptime.choosing import uptime_choose
from billing.uptime.minutes import Evidence, Tally, minute_of
from billing.uptime.reckoning import SETTLES, Record, budget_of, records, uptime_of
from billing.uptime.recording import KEPT, endpoints_watched, evidence_add, evidence_of, evidence_of_calls
from core.tenancy import tenant_context
from tests.billing.ships import Ships
from tests.conftest import Cast

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
MINUTE = timedelta(minutes=1)


def watched(cast: Cast, since: datetime) -> UUID:
    endpoint_id = uuid4()
    with tenant_context(cast.tenant.pk):
        endpoints_watched(cast.tenant.pk, {endpoint_id: ("weather", "Weather")}, since)
    return endpoint_id


def seen(cast: Cast, endpoint_id: UUID, *moments: datetime, failed: bool = False) -> None:
    with tenant_context(cast.tenant.pk):
        for moment in moments:
            bit = minute_of(moment)
            evidence = Evidence(failed=bit) if failed else Evidence(up=bit)
            evidence_add(cast.tenant.pk, {(endpoint_id, moment.date()): evidence})


def looked(cast: Cast) -> None:
    with tenant_context(cast.tenant.pk):
        evidence_add(cast.tenant.pk, evidence_of_calls(cast.tenant.pk))


def shown(cast: Cast) -> Evidence:
    with tenant_context(cast.tenant.pk):
        return evidence_of(UptimeDay.objects.get())


def record(cast: Cast, since: datetime = NOW - timedelta(days=30)) -> Record:
    with tenant_context(cast.tenant.pk):
        (found,) = records(since.date(), TODAY, NOW)
    return found


def test_a_minute_that_nobody_saw_up_is_down_and_the_last_ones_are_not_judged(cast: Cast) -> None:
    since = NOW - SETTLES - 10 * MINUTE
    endpoint_id = watched(cast, since)
    seen(cast, endpoint_id, *(since + number * MINUTE for number in (0, 1, 2, 5, 6, 9)))
    found = record(cast)
    assert found.tally == Tally(10, 4)
    assert [(outage.since, outage.minutes) for outage in found.outages] == [
        (since + 7 * MINUTE, 2),
        (since + 3 * MINUTE, 2),
    ]
    assert found.uptime == Decimal("60.0000")
    assert not found.is_down


def test_a_day_without_a_single_sign_is_down_from_end_to_end(cast: Cast) -> None:
    watched(cast, NOW - timedelta(days=2))
    found = record(cast)
    assert found.tally.counted == found.tally.down == 2 * 1_440 - SETTLES // MINUTE
    assert found.is_down


def test_calls_that_failed_by_our_fault_outweigh_a_look(cast: Cast) -> None:
    since = NOW - SETTLES - 2 * MINUTE
    endpoint_id = watched(cast, since)
    seen(cast, endpoint_id, since, since + MINUTE)
    ships = Ships(cast.tenant, endpoint_id)
    ships(since, 4, outcome="failed")
    ships(since, 1)
    ships(since + MINUTE, 20, outcome="tool_error")
    with tenant_context(cast.tenant.pk):
        evidence_add(cast.tenant.pk, evidence_of_calls(cast.tenant.pk))
        evidence_add(cast.tenant.pk, evidence_of_calls(cast.tenant.pk))
    assert record(cast).tally == Tally(2, 1)


def test_few_calls_tell_nothing_and_one_that_went_well_shows_that_it_was_up(cast: Cast) -> None:
    since = NOW - SETTLES - 2 * MINUTE
    endpoint_id = watched(cast, since)
    ships = Ships(cast.tenant, endpoint_id)
    ships(since, 3, outcome="failed")
    ships(since + MINUTE, 1)
    with tenant_context(cast.tenant.pk):
        evidence_add(cast.tenant.pk, evidence_of_calls(cast.tenant.pk))
    assert record(cast).tally == Tally(2, 1)


def test_calls_that_come_late_count_and_none_counts_twice(cast: Cast) -> None:
    since = NOW - timedelta(hours=3)
    endpoint_id = watched(cast, since)
    seen(cast, endpoint_id, since, since + MINUTE)
    early, late = Ships(cast.tenant, endpoint_id), Ships(cast.tenant, endpoint_id)
    early(since, 3, outcome="failed")
    early(since + MINUTE, 4, outcome="failed")
    looked(cast)
    looked(cast)
    # The same three are not five, and three of hours ago that come now with another two are.
    assert (shown(cast).failed, UptimeDue.objects.filter(tenant_id=cast.tenant.pk).count()) == (0, 0)
    late(since, 2, outcome="failed")
    looked(cast)
    assert shown(cast).failed == minute_of(since)


def test_what_is_shipped_while_it_is_looked_is_looked_at_again(cast: Cast) -> None:
    since = NOW - timedelta(hours=1)
    endpoint_id = watched(cast, since)
    ships = Ships(cast.tenant, endpoint_id)
    ships(since, 4, outcome="failed")

    def ship() -> None:
        ships(since, outcome="failed")
        connection.close()

    def shipped_meanwhile(execute: Callable[..., Any], *arguments: Any) -> Any:
        if "billing_usageevent" in arguments[0] and not meanwhile:
            meanwhile.append(threading.Thread(target=ship))
            meanwhile[0].start()
            meanwhile[0].join(10)
        return execute(*arguments)

    meanwhile: list[threading.Thread] = []
    with tenant_context(cast.tenant.pk), connection.execute_wrapper(shipped_meanwhile):
        evidence_add(cast.tenant.pk, evidence_of_calls(cast.tenant.pk))
    assert UptimeDue.objects.filter(tenant_id=cast.tenant.pk).count() == 1
    looked(cast)
    assert shown(cast).failed == minute_of(since)


def test_a_look_that_fails_is_taken_again(cast: Cast) -> None:
    since = NOW - timedelta(hours=1)
    endpoint_id = watched(cast, since)
    Ships(cast.tenant, endpoint_id)(since)
    with tenant_context(cast.tenant.pk):
        evidence_of_calls(cast.tenant.pk)
        transaction.set_rollback(True)
    looked(cast)
    assert shown(cast).up == minute_of(since)


def test_an_endpoint_that_was_deleted_is_counted_until_then_and_keeps_its_name(cast: Cast) -> None:
    endpoint_id = watched(cast, NOW - timedelta(hours=2))
    with tenant_context(cast.tenant.pk):
        endpoints_watched(cast.tenant.pk, {}, NOW - timedelta(hours=1))
    found = record(cast)
    assert (found.endpoint.endpoint_id, found.endpoint.name) == (endpoint_id, "Weather")
    assert found.tally.counted == 60


def test_uptime_is_rounded_against_us_and_the_budget_never_below_nothing() -> None:
    assert uptime_of(Tally()) is None
    assert uptime_of(Tally(3, 1)) == Decimal("66.6666")
    month = 30 * 1_440
    assert budget_of(Decimal("99.9"), Tally(month, 40)) == (43, 3)
    assert budget_of(Decimal("99.9"), Tally(month, 400)) == (43, 0)


def test_nobody_is_watched_who_does_not_ask_and_old_days_are_forgotten(cast: Cast) -> None:
    endpoint_id = watched(cast, NOW)
    old = datetime.now(UTC) - KEPT - timedelta(days=1)
    seen(cast, endpoint_id, old)
    UptimeWatch.objects.create(tenant_id=cast.tenant.pk)
    uptime_choose()
    assert UptimeWatch.objects.get(tenant_id=cast.tenant.pk).ended_at is not None
    with tenant_context(cast.tenant.pk):
        assert not UptimeDay.objects.exists()
        assert WatchedEndpoint.objects.get().until is not None


def test_the_evidence_of_another_tenant_is_not_seen(cast: Cast) -> None:
    seen(cast, watched(cast, NOW - timedelta(hours=1)), NOW)
    with tenant_context(uuid4()):
        assert records(TODAY, TODAY, NOW) == []
