"""Sums by the hour: made again from the calls of each hour that got any, so that late ones count and none counts twice.

Hours whose calls were deleted by retention cannot be made again: calls that come later still are added to the sum that
is there, and deleted with it in one transaction.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from billing.ledger.models import UsageDue, UsageHour, UsageKept
from billing.ledger.partitions import oldest_day
from billing.metering.reports import reports_derive
from billing.resale.usage import purchase_reports_derive
from core.tenancy import tenant_context

HOUR = timedelta(hours=1)
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('billing_usagehour'), hashtext(%s))"
_HOUR = "tenant_id = %s AND at >= %s AND at < %s"
# One statement, so one snapshot: what is deleted is exactly what was counted.
_LATE = f"WITH late AS (DELETE FROM billing_usageevent WHERE {_HOUR} RETURNING *)"  # noqa: S608  no value in it
_SUM = """
    INSERT INTO billing_usagehour AS known
        (tenant_id, hour, endpoint_id, method, name, principal,
         calls, billable, errors, microseconds, bytes_in, bytes_out)
    SELECT tenant_id, date_trunc('hour', at, 'UTC') AS hour, endpoint_id, method, name, principal,
           count(*), count(*) FILTER (WHERE billable), count(*) FILTER (WHERE outcome <> 'ok'),
           sum(microseconds), sum(bytes_in), sum(bytes_out)
    FROM {calls} GROUP BY tenant_id, hour, endpoint_id, method, name, principal
    ON CONFLICT (tenant_id, hour, endpoint_id, method, name, principal) DO UPDATE SET
        calls = known.calls + excluded.calls,
        billable = known.billable + excluded.billable,
        errors = known.errors + excluded.errors,
        microseconds = known.microseconds + excluded.microseconds,
        bytes_in = known.bytes_in + excluded.bytes_in,
        bytes_out = known.bytes_out + excluded.bytes_out
"""
_SUM_ALL = _SUM.format(calls=f"billing_usageevent WHERE {_HOUR}")
_SUM_LATE = _LATE + _SUM.format(calls="late")


def usage_sum(then: Callable[[UUID], None] = lambda _: None) -> int:
    """Makes the sums of every hour that is due; returns how many hours of tenants that were.

    `then` is called for each tenant whose sums were made, outside of its context.
    """
    due = list(UsageDue.objects.order_by("tenant_id", "hour").values_list("tenant_id", "hour").distinct())
    for tenant_id, hours in groupby(due, key=lambda pair: pair[0]):
        sum_tenant(tenant_id, (hour for _, hour in hours))
        then(tenant_id)
    return len(due)


def sum_due(tenant_id: UUID) -> None:
    """Makes what is due of one tenant."""
    sum_tenant(tenant_id, list(UsageDue.objects.filter(tenant_id=tenant_id).values_list("hour", flat=True).distinct()))


def sum_tenant(tenant_id: UUID, hours: Iterable[datetime]) -> None:
    """Makes the sums of these hours of one tenant, each in a transaction with what is to be billed of it."""
    for hour in hours:
        with tenant_context(tenant_id):
            lock_sums(tenant_id)
            _sum_hour(tenant_id, hour)
            reports_derive(tenant_id, since=hour, until=hour + HOUR)
            purchase_reports_derive(since=hour, until=hour + HOUR)


def lock_sums(tenant_id: UUID) -> None:
    """Keeps others from summing or deleting calls of the tenant until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME, [str(tenant_id)])


def _sum_hour(tenant_id: UUID, hour: datetime) -> None:
    # Read first: a row that a shipper changes meanwhile is not the one deleted below, and is summed again.
    seen = list(UsageDue.objects.filter(tenant_id=tenant_id, hour=hour).values_list("boot", "sequence"))
    kept = UsageKept.objects.first()
    if hour >= datetime.combine(oldest_day(), time(), UTC):
        if kept is not None and hour < kept.since:
            _execute(_SUM_LATE, [tenant_id, hour, hour + HOUR])
        else:
            UsageHour.objects.filter(hour=hour).delete()
            _execute(_SUM_ALL, [tenant_id, hour, hour + HOUR])
    for boot, sequence in seen:
        UsageDue.objects.filter(tenant_id=tenant_id, hour=hour, boot=boot, sequence=sequence).delete()


def _execute(statement: str, arguments: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
