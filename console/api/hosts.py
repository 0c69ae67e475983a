"""Host names: those that a tenant brings along, and what is at its own."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.host_selectors import HOME, default_endpoint
from mcp_runtime.models import Endpoint
from mcp_runtime.services import hosts as services
from tenants.access import Permission
from tenants.hosts.directory import hosting
from tenants.models import EndpointHost

router = Router(tags=["Host names"])


class HostOut(Schema):
    """A host name, and the record that proves it."""

    id: UUID
    name: str
    endpoint: str = Field(description="The slug of the endpoint that is there.")
    url: str = Field(description="What clients connect to, once it is verified.")
    record_name: str = Field(description="Where the TXT record has to be.")
    record_text: str = Field(description="What it has to say.")
    verified_at: Moment | None
    missing_since: Moment | None = Field(description="When the record was first not found again.")
    withdrawn_at: Moment | None
    checked_at: Moment | None
    last_error: str
    created_at: Moment


class HostIn(Body):
    """A name for an endpoint."""

    name: str = Field(max_length=253)
    endpoint: str = Field(max_length=40, description="The endpoint's slug.")


class Hosts(Page[HostOut]):
    """Host names."""


class DefaultOut(Schema):
    """What is at the tenant's own host."""

    host: str = Field(description="Empty where the platform gives tenants none.")
    endpoint: str | None = Field(description="The slug of the endpoint; null for none.")


class DefaultIn(Body):
    """What is to be at the tenant's own host."""

    endpoint: str = Field(max_length=40, description="The endpoint's slug.")


@router.get("/hosts", response=answers(200, Hosts, 422), summary="List the host names")
def host_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        found = page_of(EndpointHost.objects.all(), paging)
        return {**found, "items": [_told(host) for host in found["items"]]}


@router.post("/hosts", response=written(201, HostOut, 404), summary="Claim a host name")
def host_create(request: ApiRequest, payload: HostIn) -> Status[dict[str, Any]]:
    """It counts once it is verified."""
    with tenant_context(request.auth.tenant.id):
        host = services.host_claim(actor=request.auth, name=payload.name, endpoint_slug=payload.endpoint)
        return Status(201, _told(host))


@router.get("/hosts/default", response=answers(200, DefaultOut), summary="Show what is at the tenant's own host")
def host_default_show(request: ApiRequest) -> dict[str, str | None]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return _default(request)


@router.put("/hosts/default", response=written(200, DefaultOut, 404), summary="Choose what is at the tenant's own host")
def host_default_set(request: ApiRequest, payload: DefaultIn) -> dict[str, str | None]:
    with tenant_context(request.auth.tenant.id):
        services.default_set(actor=request.auth, endpoint_slug=payload.endpoint)
        return _default(request)


@router.get("/hosts/{uuid:host_id}", response=answers(200, HostOut, 404), summary="Show a host name")
def host_show(request: ApiRequest, host_id: UUID) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return _told(services.host_for(host_id))


@router.post(
    "/hosts/{uuid:host_id}/verify",
    response=answers(200, HostOut, 404, 409, 503),
    summary="Look for a host name's record",
)
def host_verify(request: ApiRequest, host_id: UUID) -> dict[str, Any]:
    services.host_verify(actor=request.auth, host_id=host_id)
    with tenant_context(request.auth.tenant.id):
        return _told(services.host_for(host_id))


@router.delete("/hosts/{uuid:host_id}", response=answers(204, None, 404), summary="Give a host name up")
def host_delete(request: ApiRequest, host_id: UUID) -> Status[None]:
    """Nothing answers there within a second, and what was granted there ends."""
    with tenant_context(request.auth.tenant.id):
        services.host_release(actor=request.auth, host_id=host_id)
    return Status(204, None)


def _told(host: EndpointHost) -> dict[str, Any]:
    """A host as it is told; inside the tenant's context."""
    proof = services.proof_of(host)
    return {
        **{name: getattr(host, name) for name in HostOut.model_fields if hasattr(host, name)},
        "endpoint": Endpoint.objects.values_list("slug", flat=True).get(pk=host.endpoint),
        "url": hosting().url(host.name, HOME),
        "record_name": proof.name,
        "record_text": proof.text,
    }


def _default(request: ApiRequest) -> dict[str, str | None]:
    chosen = default_endpoint()
    return {"host": hosting().host_of(request.auth.tenant.slug), "endpoint": chosen.slug if chosen else None}
