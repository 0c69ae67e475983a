"""Looking whether endpoints are up: as their clients come in, over HTTP, with nothing but the address.

An answer below 500 shows that a worker is there, knows the endpoint and goes through its checks: mostly 401, since no
credential is sent, so that nothing is called and nothing is billed. What tools do is shown by the calls themselves.
Each function opens the tenants' contexts itself; no transaction is open while it is waited for answers.
"""

import http.client
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.utils import timezone

from billing.models import UptimeWatch
from billing.uptime.minutes import Evidence, minute_of
from billing.uptime.recording import endpoints_watched, evidence_add, evidence_of_calls, joined
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.inner_address import request_headers, runtime_connection
from mcp_runtime.models import Endpoint
from tenants.models import Tenant

TIMEOUT_SECONDS = 5.0
AT_ONCE = 16
_PING = json.dumps({"jsonrpc": "2.0", "id": "uptime", "method": "ping"}).encode()
_NOT_FOUND, _SERVER_ERRORS = 404, 500


@dataclass(frozen=True, slots=True)
class Looked:
    """An endpoint to be looked at; one that somebody stopped is not, since that is their wish."""

    tenant_id: UUID
    endpoint_id: UUID
    path: str
    is_stopped: bool


def watched_tenants() -> list[UUID]:
    """Whose endpoints' uptime is counted."""
    return list(UptimeWatch.objects.filter(ended_at=None).order_by("tenant_id").values_list("tenant_id", flat=True))


def uptime_look(tenant_ids: Sequence[UUID]) -> int:
    """Looks at all endpoints of these tenants and writes down what was seen; returns how many answered."""
    endpoints = [endpoint for tenant_id in tenant_ids for endpoint in _endpoints_of(tenant_id)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = list(pool.map(_answers, endpoints))
    now = timezone.now()
    seen = list(zip(endpoints, answered, strict=True))
    for tenant_id in tenant_ids:
        _write_down(tenant_id, [one for one in seen if one[0].tenant_id == tenant_id], now)
    return sum(answered)


def answers(path: str) -> bool:
    """Whether the runtime answers at an endpoint's path as it does to whoever brings no credential."""
    connection = runtime_connection(timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, _PING, request_headers())
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return status < _SERVER_ERRORS and status != _NOT_FOUND


def _answers(endpoint: Looked) -> bool:
    return not endpoint.is_stopped and answers(endpoint.path)


def _endpoints_of(tenant_id: UUID) -> list[Looked]:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(delete_after=None).first()
        if tenant is None:
            endpoints_watched(tenant_id, {}, timezone.now())
            return []
        rows = list(Endpoint.objects.only("id", "slug", "name", "stopped_at"))
        endpoints_watched(tenant_id, {row.pk: (row.slug, row.name) for row in rows}, timezone.now())
        return [
            Looked(tenant_id, row.pk, mcp_path(tenant.slug, row.slug), is_stopped=row.stopped_at is not None)
            for row in rows
        ]


def _write_down(tenant_id: UUID, seen: Iterable[tuple[Looked, bool]], now: datetime) -> None:
    bit, day = minute_of(now), now.astimezone(UTC).date()
    probes = joined(
        ((one.endpoint_id, day), Evidence(up=bit if answered else 0, excused=bit if one.is_stopped else 0))
        for one, answered in seen
    )
    with tenant_context(tenant_id):
        known = set(Endpoint.objects.values_list("pk", flat=True))
        calls = {key: one for key, one in evidence_of_calls(tenant_id).items() if key[0] in known}
        evidence_add(tenant_id, joined([*probes.items(), *calls.items()]))
