"""Putting evidence down: each function runs inside a tenant's context, and comes to the same when it runs again."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q

from billing.ledger.models import UsageEvent
from billing.uptime.minutes import MINUTE, Evidence, minute_of, packed, unpacked
from billing.uptime.models import UptimeDay, UptimeDue, WatchedEndpoint

# What the ledger says of calls that failed by our fault (mcp_runtime/transports/endings.py), and so not by a tool's.
OUR_FAULTS = ("failed", "refused:internal_error", "refused:overloaded", "refused:temporarily_unavailable")
# A minute was down where so many calls at least were made, and more than half of them failed by our fault.
CALLS_THAT_TELL = 5
# Workers ship their journals within seconds, and what a dead one left within minutes.
LOOK_BACK = timedelta(minutes=15)
# After an outage of whoever looks there may be many.
_MARKS_AT_ONCE = 200
# How long days are kept: a year's worth, and the longest month before.
KEPT = timedelta(days=400)

type Day = tuple[UUID, date]


def endpoints_watched(tenant_id: UUID, endpoints: Mapping[UUID, tuple[str, str]], now: datetime) -> None:
    """Has these endpoints' uptime counted from `now` on (slug and name by id), and that of no others any more."""
    rows = WatchedEndpoint.objects.filter(Q(until=None) | Q(endpoint_id__in=list(endpoints)))
    known = {row.endpoint_id: row for row in rows}
    WatchedEndpoint.objects.filter(endpoint_id__in=known.keys() - endpoints.keys()).update(until=now)
    for endpoint_id, (slug, name) in endpoints.items():
        row = known.get(endpoint_id) or WatchedEndpoint(endpoint_id=endpoint_id, tenant_id=tenant_id, since=now)
        if row.until is None and (row.slug, row.name) == (slug, name):
            continue
        row.slug, row.name = slug, name
        row.resume(now, kept=KEPT)
        row.save()


def evidence_add(tenant_id: UUID, found: Mapping[Day, Evidence]) -> None:
    """Adds to what is known of each endpoint and day."""
    for (endpoint_id, day), evidence in found.items():
        UptimeDay.objects.get_or_create(tenant_id=tenant_id, day=day, endpoint_id=endpoint_id)
        row = UptimeDay.objects.select_for_update().get(tenant_id=tenant_id, day=day, endpoint_id=endpoint_id)
        both = evidence_of(row) | evidence
        if both != evidence_of(row):
            row.up, row.failed, row.excused = packed(both.up), packed(both.failed), packed(both.excused)
            row.save(update_fields=["up", "failed", "excused"])


def evidence_of(row: UptimeDay) -> Evidence:
    """What a row holds."""
    return Evidence(unpacked(row.up), unpacked(row.failed), unpacked(row.excused))


def evidence_of_calls(tenant_id: UUID) -> dict[Day, Evidence]:
    """What the calls show of each minute that got any since this was asked last, however late they came.

    A minute is read whole, whatever of it was read before: so nothing is counted up, and nothing counts twice. That it
    was read is forgotten again unless the transaction commits, so what is returned has to be put down in it.
    """
    # Read first: a mark that a shipper moves on meanwhile is not the one deleted below, and is looked at again. In the
    # order in which shippers write them, so that none waits for another that waits for it.
    due = UptimeDue.objects.filter(tenant_id=tenant_id).order_by("minute", "boot")[:_MARKS_AT_ONCE]
    marks = list(due.values("minute", "boot", "sequence"))
    found = joined(shown for minute in sorted({mark["minute"] for mark in marks}) for shown in _evidence_in(minute))
    for mark in marks:
        UptimeDue.objects.filter(tenant_id=tenant_id, **mark).delete()
    return found


def _evidence_in(minute: datetime) -> Iterator[tuple[Day, Evidence]]:
    rows = UsageEvent.objects.filter(at__gte=minute, at__lt=minute + MINUTE).order_by()
    counted = rows.values("endpoint_id").annotate(
        calls=Count("sequence"), faults=Count("sequence", filter=Q(outcome__in=OUR_FAULTS))
    )
    for row in counted:
        yield (row["endpoint_id"], minute.astimezone(UTC).date()), _shown(minute, row["calls"], row["faults"])


def joined(found: Iterable[tuple[Day, Evidence]]) -> dict[Day, Evidence]:
    """All evidence of the same day in one."""
    known: dict[Day, Evidence] = {}
    for day, evidence in found:
        known[day] = known.get(day, Evidence()) | evidence
    return known


def _shown(minute: datetime, calls: int, faults: int) -> Evidence:
    bit = minute_of(minute)
    tells = calls >= CALLS_THAT_TELL and faults * 2 > calls
    return Evidence(up=bit if faults < calls else 0, failed=bit if tells else 0)
