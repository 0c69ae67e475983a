"""The health of upstreams, and the cord of an endpoint."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.endpoints import EndpointOut
from console.api.paging import Page, Paging
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.board_selectors import health_events_of
from mcp_runtime.models import BoardState, Endpoint, Evidence
from mcp_runtime.services import health, stopping
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.upstreams import upstream_for
from tenants.access import Permission

router = Router(tags=["Health"])
ENDPOINT = "/endpoints/{slug:endpoint}"
UPSTREAM = ENDPOINT + "/upstreams/{slug:upstream}"


class StopIn(Body):
    """Why the endpoint is stopped."""

    message: str = Field(description="What callers read: why, and what to do meanwhile. 1 to 500 characters.")


class HealthEventOut(Schema):
    """One change of an upstream's state."""

    id: UUID
    before: BoardState
    after: BoardState
    reason: str
    evidence: Evidence = Field(description="What it came of: a probe, calls that failed, or a person.")
    at: Moment
    seconds: float = Field(description="How long it had been in the state before.")


class HealthEvents(Page[HealthEventOut]):
    """Changes of an upstream's state, the latest first; they are kept for 90 days."""


@router.post(ENDPOINT + "/stop", response=written(200, EndpointOut, 404), summary="Stop an endpoint")
def endpoint_stop(request: ApiRequest, endpoint: str, payload: StopIn) -> Endpoint:
    """Within a second every call is answered with the message. Lists stay, and say so."""
    with tenant_context(request.auth.tenant.id):
        stopped = stopping.endpoint_stop(actor=request.auth, endpoint_slug=endpoint, message=payload.message)
    stopped.tenant = request.auth.tenant
    return stopped


@router.post(ENDPOINT + "/resume", response=answers(200, EndpointOut, 404, 409), summary="Let an endpoint go on")
def endpoint_resume(request: ApiRequest, endpoint: str) -> Endpoint:
    with tenant_context(request.auth.tenant.id):
        resumed = stopping.endpoint_resume(actor=request.auth, endpoint_slug=endpoint)
    resumed.tenant = request.auth.tenant
    return resumed


@router.post(UPSTREAM + "/look", response=answers(202, None, 404, 409), summary="Look at an upstream now")
def upstream_look(request: ApiRequest, endpoint: str, upstream: str) -> Status[None]:
    """Within seconds, rather than when its turn comes."""
    with tenant_context(request.auth.tenant.id):
        health.upstream_look(actor=request.auth, endpoint_slug=endpoint, slug=upstream)
    return Status(202, None)


@router.post(UPSTREAM + "/release", response=answers(202, None, 404, 409), summary="Put an upstream back into service")
def upstream_release(request: ApiRequest, endpoint: str, upstream: str) -> Status[None]:
    """It is looked at first, within seconds, and stays out of service if that fails."""
    with tenant_context(request.auth.tenant.id):
        health.upstream_release(actor=request.auth, endpoint_slug=endpoint, slug=upstream)
    return Status(202, None)


@router.get(UPSTREAM + "/health", response=answers(200, HealthEvents, 404, 422), summary="List changes of health")
def health_events(request: ApiRequest, endpoint: str, upstream: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        rows = health_events_of(upstream_for(endpoint_for(endpoint), upstream))
        shown = list(rows[paging.offset : paging.offset + paging.limit])
        return {"items": shown, "total": rows.count(), "limit": paging.limit, "offset": paging.offset}
