"""Reads of the board: every endpoint with its upstreams, and what happened of late, inside a tenant's context."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import QuerySet

from billing.ledger.selectors import Recent, usage_recent
from mcp_runtime.models import Endpoint, HealthEvent, Upstream, Watch
from mcp_runtime.models.health import BoardState, board_state

MAXIMUM_EVENTS = 20
RECENT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class UpstreamLine:
    """An upstream on the board. `state` is a `BoardState`, or "off" while it is switched off."""

    upstream: Upstream
    state: str
    word: str
    since: datetime
    looked_at: datetime | None
    took_ms: int
    release_asked: bool
    release_failed: str


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """An endpoint on the board, with its upstreams."""

    endpoint: Endpoint
    upstreams: list[UpstreamLine]
    recent: Recent

    @property
    def unwell(self) -> int:
        """How many of its upstreams are not well."""
        return sum(line.state not in (BoardState.OK, "off") for line in self.upstreams)


def board(now: datetime) -> list[EndpointLine]:
    """Every endpoint of the tenant by name, each with its upstreams by name, and its calls of the last minutes."""
    watches = {watch.upstream_id: watch for watch in Watch.objects.all()}
    rows = Upstream.objects.defer("material", "config").order_by("endpoint_id", "name", "slug")
    upstreams = {
        endpoint_id: [_line(upstream, watches.get(upstream.pk)) for upstream in found]
        for endpoint_id, found in groupby(rows, key=lambda upstream: upstream.endpoint_id)
    }
    endpoints = Endpoint.objects.select_related("stopped_by").order_by("name", "slug")
    recent = usage_recent(now - RECENT)
    return [
        EndpointLine(endpoint, upstreams.get(endpoint.pk, []), recent.get(endpoint.pk, Recent()))
        for endpoint in endpoints
    ]


def health_events_of(upstream: Upstream) -> QuerySet[HealthEvent]:
    """Changes of an upstream's state, the latest first."""
    return HealthEvent.objects.filter(upstream=upstream).order_by("-at", "pk")


def health_events_latest() -> QuerySet[HealthEvent]:
    """What changed last on all endpoints together."""
    rows = HealthEvent.objects.select_related("upstream__endpoint", "person").defer("upstream__material")
    return rows.order_by("-at", "pk")[:MAXIMUM_EVENTS]


def _line(upstream: Upstream, watch: Watch | None) -> UpstreamLine:
    state = board_state(upstream) if upstream.enabled else "off"
    return UpstreamLine(
        upstream=upstream,
        state=state,
        word=BoardState(state).label if upstream.enabled else "Switched off",
        since=upstream.quarantined_at or upstream.health_since,
        looked_at=watch.looked_at if watch else None,
        took_ms=watch.took_ms if watch else 0,
        release_asked=bool(watch and watch.release_asked_at),
        release_failed=watch.release_failed if watch else "",
    )
