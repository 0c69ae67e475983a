"""The schedule of probes: who is looked at when. Global rows of ids and times; takes part in whatever transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models.functions import Least
from django.utils import timezone

from core.jitter import jittered
from mcp_runtime.health.pacing import FIRST, SPREAD
from mcp_runtime.models import Upstream, UpstreamSchedule, Watch

# A probe whose message or process was lost is taken again after so long.
LEASE = timedelta(seconds=45)
# How many probes one sweep takes in all, and how many of a tenant may be under way at once.
IN_ALL = 200
OF_A_TENANT = 10

# Those of a tenant that are under way count against it; of the rest, those that have waited longest go first.
_TAKE = """
    WITH busy AS (
        SELECT tenant_id, count(*) AS number FROM mcp_runtime_upstreamschedule
        WHERE leased_until > statement_timestamp() GROUP BY tenant_id
    ), waiting AS (
        SELECT upstream_id, row_number() OVER (PARTITION BY tenant_id ORDER BY wake_at) + coalesce(busy.number, 0)
            AS place
        FROM mcp_runtime_upstreamschedule LEFT JOIN busy USING (tenant_id)
        WHERE wake_at <= statement_timestamp() AND leased_until <= statement_timestamp()
    ), taken AS (
        SELECT schedule.upstream_id FROM mcp_runtime_upstreamschedule schedule JOIN waiting USING (upstream_id)
        WHERE waiting.place <= %s AND schedule.leased_until <= statement_timestamp()
        ORDER BY schedule.wake_at LIMIT %s FOR UPDATE OF schedule SKIP LOCKED
    )
    UPDATE mcp_runtime_upstreamschedule schedule SET leased_until = statement_timestamp() + %s * interval '1 second'
    FROM taken WHERE schedule.upstream_id = taken.upstream_id
    RETURNING schedule.tenant_id, schedule.upstream_id
"""


def upstreams_due() -> list[tuple[UUID, UUID]]:
    """Tenant and id of upstreams to be probed now, each lent to the caller for LEASE; outside any tenant's context."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [OF_A_TENANT, IN_ALL, LEASE.total_seconds()])
        return [(tenant_id, upstream_id) for tenant_id, upstream_id in cursor.fetchall()]


def watch(upstream: Upstream) -> None:
    """Has an upstream probed soon and from then on; one that is off or out of service is not."""
    if not upstream.enabled or upstream.quarantined_at is not None:
        unwatch(upstream.pk)
        return
    look_soon(upstream.tenant_id, upstream.pk)


def watch_anew(upstream: Upstream) -> None:
    """What an upstream is opened with changed: what was known of it says nothing any more, and it is looked at soon.

    Its state stays until that look.
    """
    Watch.objects.filter(upstream=upstream).update(outcomes="", failures=0)
    watch(upstream)


def look_soon(tenant_id: UUID, upstream_id: UUID) -> None:
    """Brings the next probe of an upstream forward; puts it on the schedule where it is not."""
    wake_at = timezone.now() + timedelta(seconds=jittered(FIRST))
    known = UpstreamSchedule.objects.filter(upstream_id=upstream_id)
    if not known.update(wake_at=Least("wake_at", wake_at)):
        row = UpstreamSchedule(
            upstream_id=upstream_id, tenant_id=tenant_id, wake_at=wake_at, leased_until=timezone.now()
        )
        UpstreamSchedule.objects.bulk_create([row], ignore_conflicts=True)


def looked(upstream_id: UUID, seconds: float) -> None:
    """Notes that an upstream was probed, and has it probed again in about so many seconds."""
    now = timezone.now()
    UpstreamSchedule.objects.filter(upstream_id=upstream_id).update(
        wake_at=now + timedelta(seconds=jittered(seconds, SPREAD)), leased_until=now
    )


def calls_failed_since(upstream_ids: Sequence[UUID], span: timedelta) -> set[UUID]:
    """Those of the upstreams to which calls failed of late, as workers say."""
    rows = UpstreamSchedule.objects.filter(upstream_id__in=upstream_ids, calls_failed_at__gt=timezone.now() - span)
    return set(rows.values_list("upstream_id", flat=True))


def unwatch(upstream_id: UUID) -> None:
    """Has an upstream probed no more."""
    UpstreamSchedule.objects.filter(upstream_id=upstream_id).delete()
