"""Performing probes: short transactions around a look at many upstreams. Opens the tenants' contexts itself."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.tenancy import tenant_context
from mcp_runtime.health.judging import Look
from mcp_runtime.health.pacing import LONGEST
from mcp_runtime.health.probing import Probed, probe_all
from mcp_runtime.models import Evidence, HealthEvent, Upstream
from mcp_runtime.services.health import Seen, look_note
from mcp_runtime.services.imports import relook_where_due
from mcp_runtime.services.publish import upstream_snapshot
from mcp_runtime.services.watching import calls_failed_since, looked, unwatch
from mcp_runtime.sources.upstream import Health
from mcp_runtime.upstreams.visits import Target

# Calls that failed so short a time ago speak against a probe that went well.
CALLS_COUNT_FOR = timedelta(seconds=30)
CALLS_FAIL = "It answers when it is looked at, but calls to it fail."


def probes_perform(wanted: Sequence[tuple[UUID, UUID]]) -> list[HealthEvent]:
    """Probes upstreams, by tenant and id; the changes of state that come of it."""
    found = [upstream for tenant_id, upstream_id in wanted if (upstream := _found(tenant_id, upstream_id))]
    failing = calls_failed_since([upstream.pk for upstream in found], CALLS_COUNT_FOR)
    probed = probe_all([_target(upstream) for upstream in found])
    seen = [_seen(*pair, calls_fail=pair[0].pk in failing) for pair in zip(found, probed, strict=True)]
    noted = [_noted(upstream.tenant_id, one) for upstream, one in zip(found, seen, strict=True)]
    for upstream, one, probe in zip(found, seen, probed, strict=True):
        if one.look.health is Health.OK and not probe.unseen:
            relook_where_due(upstream.tenant_id, upstream.pk)
    return [event for events in noted for event in events]


def _found(tenant_id: UUID, upstream_id: UUID) -> Upstream | None:
    with tenant_context(tenant_id):
        rows = Upstream.objects.select_related("endpoint", "tenant").defer("material")
        upstream = rows.filter(pk=upstream_id, enabled=True).first()
    if upstream is None:
        unwatch(upstream_id)
        return None
    if upstream.tenant.is_being_deleted:
        looked(upstream_id, LONGEST)
        return None
    return upstream


def _target(upstream: Upstream) -> Target:
    return Target(str(upstream.tenant_id), upstream_snapshot(upstream))


def _seen(upstream: Upstream, probed: Probed, *, calls_fail: bool) -> Seen:
    look, evidence = probed.look, Evidence.PROBE
    if calls_fail and look.health is Health.OK and upstream.quarantined_at is None:
        look, evidence = Look(Health.DEGRADED, CALLS_FAIL), Evidence.CALLS
    return Seen(upstream.endpoint.slug, upstream.pk, upstream.revision, look, probed.milliseconds, evidence)


def _noted(tenant_id: UUID, seen: Seen) -> list[HealthEvent]:
    with tenant_context(tenant_id):
        return look_note(seen)
