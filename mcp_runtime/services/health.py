"""The state of upstreams: what a look makes of it, with its history and all that follows, in one transaction.

Runs inside a tenant's context. `revision` and `updated_at` of an upstream stay: what it is opened with did not change.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from core import refusals
from core.refusals import Refused
from mcp_runtime.health.judging import Look, failed_in_a_row, judge
from mcp_runtime.health.pacing import pause
from mcp_runtime.health.quarantine import POLICY, reason_to_quarantine
from mcp_runtime.models import BoardState, Endpoint, Evidence, HealthEvent, Upstream, Watch, board_state
from mcp_runtime.services.alerts import alerts_write
from mcp_runtime.services.endpoints import changing_unasked, endpoint_for
from mcp_runtime.services.telling import tell_board
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.services.watching import look_soon, looked, unwatch, watch
from mcp_runtime.sources.upstream import Health
from tenants.access import Actor, Permission
from tenants.models import User

MAXIMUM_REASON = 1_000
EVENTS_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at: the upstream as it was then, what the look found and how long that took."""

    endpoint_slug: str
    upstream_id: UUID
    revision: int
    look: Look
    milliseconds: int
    evidence: str = Evidence.PROBE


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of state: what it is said to be, why, and of what it came."""

    health: Health
    reason: str
    quarantined: bool
    evidence: str
    person: User | None = None


def look_note(seen: Seen) -> list[HealthEvent]:
    """Judges an upstream by a look at it; the changes of state that come of it, which are live with the transaction.

    What was changed, deleted or switched off since it was looked at is judged by a later look.
    """
    try:
        # Before the upstream's row, as everything does that changes an endpoint.
        endpoint = endpoint_for(seen.endpoint_slug, lock=True)
    except Refused:
        endpoint = None
    upstream = _held(endpoint, seen.upstream_id)
    if endpoint is None or upstream is None:
        unwatch(seen.upstream_id)
        return []
    if upstream.revision != seen.revision or not upstream.enabled:
        watch(upstream)
        return []
    return _noted(endpoint, upstream, seen) if upstream.quarantined_at is None else _released(endpoint, upstream, seen)


def _held(endpoint: Endpoint | None, upstream_id: UUID) -> Upstream | None:
    rows = Upstream.objects.select_for_update().defer("material")
    return rows.filter(endpoint=endpoint, pk=upstream_id).first() if endpoint else None


def _noted(endpoint: Endpoint, upstream: Upstream, seen: Seen) -> list[HealthEvent]:
    now, watched = timezone.now(), _watched(upstream)
    verdict = judge(Health(upstream.health), watched.outcomes, seen.look)
    watched.outcomes = verdict.outcomes
    watched.failures = 0 if seen.look.health is Health.OK else watched.failures + 1
    _save(watched, seen, now)
    looked(upstream.pk, pause(verdict.state, failures=watched.failures, open_question=verdict.open_question))
    changes: list[HealthEvent] = []
    if verdict.state != upstream.health:
        reason = "" if verdict.state is Health.OK else seen.look.reason or "It does not answer steadily."
        changes.append(_change(endpoint, upstream, _Change(verdict.state, reason, False, seen.evidence), now))
    return changes + _quarantined(endpoint, upstream, verdict.outcomes, now)


def _quarantined(endpoint: Endpoint, upstream: Upstream, outcomes: str, now: datetime) -> list[HealthEvent]:
    why = reason_to_quarantine(
        Health(upstream.health),
        down_for=now - upstream.health_since,
        failures=failed_in_a_row(outcomes),
        falls=_falls(upstream, now),
    )
    if not why:
        return []
    unwatch(upstream.pk)
    last = upstream.health_reason
    reason = f"{why} The last time: {last}" if last else why
    return [_change(endpoint, upstream, _Change(Health(upstream.health), reason, True, Evidence.PROBE), now)]


def _falls(upstream: Upstream, now: datetime) -> int:
    """How often it went down of late, since it was last put back into service."""
    rows = HealthEvent.objects.filter(upstream=upstream, at__gte=now - POLICY.within)
    released = rows.filter(before=BoardState.QUARANTINED).order_by("-at").values_list("at", flat=True).first()
    if released is not None:
        rows = rows.filter(at__gt=released)
    return rows.filter(after=BoardState.DOWN).count()


def _released(endpoint: Endpoint, upstream: Upstream, seen: Seen) -> list[HealthEvent]:
    """Puts it back into service where the look that somebody asked for does not speak against it."""
    now, watched = timezone.now(), _watched(upstream)
    asked_at, watched.release_asked_at = watched.release_asked_at, None
    unwatch(upstream.pk)
    if seen.look.health is Health.DOWN or asked_at is None:
        watched.release_failed = seen.look.reason[:MAXIMUM_REASON]
        _save(watched, seen, now)
        return []
    watched.release_failed, watched.outcomes, watched.failures = "", "", 0
    _save(watched, seen, now)
    change = _Change(seen.look.health, seen.look.reason, False, Evidence.PERSON, watched.release_asked_by)
    event = _change(endpoint, upstream, change, now)
    watch(upstream)
    return [event]


def _watched(upstream: Upstream) -> Watch:
    found = Watch.objects.filter(upstream=upstream).first()
    return found or Watch(tenant_id=upstream.tenant_id, upstream=upstream)


def _save(watched: Watch, seen: Seen, now: datetime) -> None:
    watched.looked_at, watched.took_ms = now, seen.milliseconds
    watched.save()


def _change(endpoint: Endpoint, upstream: Upstream, change: _Change, now: datetime) -> HealthEvent:
    """Writes a change of state, and publishes it."""
    before = board_state(upstream)
    event = HealthEvent(
        tenant_id=upstream.tenant_id,
        upstream=upstream,
        before=before,
        reason=change.reason[:MAXIMUM_REASON],
        evidence=change.evidence,
        person=change.person,
        at=now,
        seconds=max(0.0, (now - (upstream.quarantined_at or upstream.health_since)).total_seconds()),
    )
    with changing_unasked(tenant_id=upstream.tenant_id, endpoint_slug=endpoint.slug):
        upstream.quarantined_at = now if change.quarantined else None
        upstream.health_reason = event.reason
        if not change.quarantined:
            upstream.health, upstream.health_since = change.health, now
        Upstream.objects.filter(pk=upstream.pk).update(
            health=upstream.health,
            health_reason=upstream.health_reason,
            health_since=upstream.health_since,
            quarantined_at=upstream.quarantined_at,
        )
    event.after = board_state(upstream)
    event.save(force_insert=True)
    alerts_write(event)
    tell_board(upstream.tenant_id)
    return event


def upstream_look(*, actor: Actor, endpoint_slug: str, slug: str) -> Upstream:
    """Has an upstream looked at now, rather than when its turn comes. Raises Refused: CONFLICT where it never is."""
    actor.require(Permission.EDIT_ENDPOINTS)
    upstream = upstream_for(endpoint_for(endpoint_slug), slug)
    if upstream.quarantined_at is not None or not upstream.enabled:
        raise Refused(refusals.CONFLICT, f"{upstream.name} is out of service, and not looked at.")
    look_soon(upstream.tenant_id, upstream.pk)
    return upstream


def upstream_release(*, actor: Actor, endpoint_slug: str, slug: str) -> Upstream:
    """Asks for an upstream to be put back into service. It is looked at first, and stays out if that fails.

    Raises Refused: CONFLICT where it is in service.
    """
    actor.require(Permission.EDIT_ENDPOINTS)
    upstream = upstream_for(endpoint_for(endpoint_slug, lock=True), slug, lock=True)
    if upstream.quarantined_at is None:
        raise Refused(refusals.CONFLICT, f"{upstream.name} is in service.")
    watched = _watched(upstream)
    watched.release_asked_by, watched.release_asked_at, watched.release_failed = actor.user, timezone.now(), ""
    watched.save()
    look_soon(upstream.tenant_id, upstream.pk)
    return upstream


def events_purge(now: datetime) -> int:
    """Forgets changes of the tenant in context that are older than EVENTS_KEPT; returns how many."""
    return HealthEvent.objects.filter(at__lt=now - EVENTS_KEPT).delete()[0]
