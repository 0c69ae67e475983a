"""MCP endpoints."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Access, Endpoint
from mcp_runtime.services import endpoints
from tenants.access import Permission

router = Router(tags=["Endpoints"])


class EndpointOut(Schema):
    """One URL that MCP clients connect to."""

    id: UUID
    slug: str
    name: str
    instructions: str = Field(description="What clients tell their model about this endpoint.")
    description: str = Field(description="What it is for, in a line: clients show it, and catalogues of an open one.")
    website_url: str
    icons: list[dict[str, Any]] = Field(description="Icons of the protocol: src, mimeType, sizes, theme.")
    listed: bool = Field(description="Whether the tenant's public catalogue names it.")
    access: Access = Field(description="key: with an access key. open: anyone.")
    allowed_origins: list[str] = Field(description="Web origins whose pages may call the endpoint.")
    logins: str = Field(description="Whose access tokens are taken, and where clients log in: own, trusted or both.")
    requires_proof: bool = Field(description="Whether access tokens have to be bound to a key (DPoP, RFC 9449).")
    version: int = Field(description="Rises with every change of anything the endpoint serves.")
    url: str = Field(description="What people paste into MCP clients.")
    stopped_message: str = Field(description="What callers are told while it is stopped; empty while it goes on.")
    stopped_at: Moment | None = Field(description="Since when it is stopped.")
    created_at: Moment
    updated_at: Moment

    @staticmethod
    def resolve_url(endpoint: Endpoint) -> str:
        return mcp_url(endpoint.tenant.slug, endpoint.slug)


class EndpointIn(Body):
    """A new endpoint."""

    slug: str = Field(description="1 to 40 lower case letters, digits and hyphens. It stays: clients hold it in URLs.")
    name: str = Field(description="1 to 80 characters.")
    instructions: str = Field(default="", description="At most 4,000 characters.")
    access: str = Field(default="key", description="key or open.")
    allowed_origins: list[str] = Field(default_factory=list, description="For example https://app.example.com.")
    description: str = Field(default="", description="At most 100 characters.")
    website_url: str = Field(default="", description="An https URL.")
    icons: list[dict[str, Any]] = Field(
        default_factory=list, description="Each with a src: an https URL, or an image as a data: URI of at most 64 KiB."
    )
    listed: StrictBool = Field(
        default=False,
        description="Whether the tenant's public catalogue, and a server card, tell of it to whoever asks.",
    )
    logins: str = Field(
        default="own",
        description="Whose access tokens are taken: own, trusted (issuers that you trust) or both.",
    )
    requires_proof: StrictBool = Field(
        default=False, description="Whether access tokens have to be bound to a key (DPoP). Access keys work as before."
    )


class EndpointPatch(Body):
    """What to change; what is left out stays."""

    name: str = Field(default_factory=str)
    instructions: str = Field(default_factory=str)
    access: str = Field(default_factory=str)
    allowed_origins: list[str] = Field(default_factory=list)
    description: str = Field(default_factory=str)
    website_url: str = Field(default_factory=str)
    icons: list[dict[str, Any]] = Field(default_factory=list)
    listed: StrictBool = Field(default_factory=bool)
    logins: str = Field(default_factory=str)
    requires_proof: StrictBool = Field(default_factory=bool)


class Endpoints(Page[EndpointOut]):
    """Endpoints, the earliest first."""


@router.get("/endpoints", response=answers(200, Endpoints, 422), summary="List the endpoints")
def endpoint_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(Endpoint.objects.select_related("tenant"), paging)


@router.post("/endpoints", response=written(201, EndpointOut), summary="Make an endpoint")
def endpoint_create(request: ApiRequest, payload: EndpointIn) -> Status[Endpoint]:
    with tenant_context(request.auth.tenant.id):
        endpoint = endpoints.endpoint_create(actor=request.auth, **_arguments(payload.model_dump()))
    return Status(201, endpoint)


@router.get("/endpoints/{slug:endpoint}", response=answers(200, EndpointOut, 404), summary="Show an endpoint")
def endpoint_show(request: ApiRequest, endpoint: str) -> Endpoint:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return _with_tenant(request, endpoints.endpoint_for(endpoint))


@router.patch("/endpoints/{slug:endpoint}", response=written(200, EndpointOut, 404), summary="Change an endpoint")
def endpoint_change(request: ApiRequest, endpoint: str, payload: EndpointPatch) -> Endpoint:
    """Clients see the change within a second."""
    request.auth.require(Permission.EDIT_ENDPOINTS)
    with tenant_context(request.auth.tenant.id):
        current = endpoints.endpoint_for(endpoint, lock=True)
        kept = {name: getattr(current, name) for name in EndpointPatch.model_fields}
        changed = endpoints.endpoint_update(
            actor=request.auth, endpoint_slug=endpoint, **_arguments(kept | payload.model_dump(exclude_unset=True))
        )
        return _with_tenant(request, changed)


@router.delete("/endpoints/{slug:endpoint}", response=answers(204, None, 404, 409), summary="Delete an endpoint")
def endpoint_delete(request: ApiRequest, endpoint: str) -> Status[None]:
    """Its tools and keys go with it; its URL answers 404 within a second."""
    with tenant_context(request.auth.tenant.id):
        endpoints.endpoint_delete(actor=request.auth, endpoint_slug=endpoint)
    return Status(204, None)


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The service's arguments: what presents the endpoint goes together, and so does which tokens it takes."""
    shown = {name: given.pop(name) for name in ("description", "website_url", "icons", "listed")}
    logins = endpoints.Logins(given.pop("requires_proof"), given.pop("logins"))
    return {**given, "presentation": endpoints.Presentation(**shown), "logins": logins}


def _with_tenant(request: ApiRequest, endpoint: Endpoint) -> Endpoint:
    """The endpoint with its tenant at hand, so that rendering reads nothing after the context is closed."""
    endpoint.tenant = request.auth.tenant
    return endpoint
