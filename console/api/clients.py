"""MCP clients that came in by OAuth, and what people granted them."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.authorization import managing, registering
from tenants.authorization.grant_types import GRANT_TYPES
from tenants.authorization.issuers import issuer_of
from tenants.authorization.policies import policy_of, policy_set
from tenants.models import AuthMethod, AuthorizationPolicy, ClientGrant, ClientKind, GrantOrigin, McpClient

router = Router(tags=["Connected clients"])


class ClientOut(Schema):
    """A client that the tenant knows. Known is not let in."""

    id: UUID
    client_id: str
    name: str
    kind: ClientKind
    auth_method: AuthMethod
    redirect_uris: list[str]
    grant_types: list[str]
    people: int = Field(description="How many people have let it in.")
    created_at: Moment
    last_used_at: Moment | None = Field(description="To the minute.")


class ClientRegistered(ClientOut):
    """A new client. This is the only time that its secret is shown."""

    client_secret: str | None = Field(description="null for a client that has none.")
    issuer: str = Field(description="The tenant's authorization server.")


class ClientIn(Body):
    """A client to register."""

    name: str = Field(description="1 to 100 characters: people see it when they are asked to let it in.")
    grant_types: list[str] = Field(description=f"From {', '.join(GRANT_TYPES)}.")
    auth_method: str = Field(default=AuthMethod.POST, description=f"One of {', '.join(AuthMethod.values)}.")
    redirect_uris: list[str] = Field(default=[], description="For authorization_code.")
    scopes: str = Field(default="mcp:call", description="The most that it may be granted: mcp:read or mcp:call.")
    endpoints: list[UUID] | None = Field(default=None, description="Where it may act for itself; null: everywhere.")
    jwks: dict[str, Any] | None = Field(default=None, description="For private_key_jwt: its public keys.")
    jwks_uri: str = Field(default="", description="Or where they are.")


class PolicyBody(Body):
    """What clients may do by themselves."""

    dynamic_registration: bool = Field(description="Whether they may register themselves (RFC 7591).")
    allowed_hosts: list[str] = Field(description="Whose documents describe clients; empty: everybody's.")
    denied_hosts: list[str] = Field(description="Whose documents do not.")


class GrantOut(Schema):
    """What one person lets one client do at one endpoint."""

    id: UUID
    client: UUID = Field(alias="client_id", description="The id of the client's entry.")
    client_name: str = Field(alias="client.name")
    user_id: UUID
    endpoint: UUID = Field(description="The endpoint's id.")
    resource: str = Field(description="Its URL, as the client asked for it.")
    scopes: str
    origin: GrantOrigin
    redirect_uri: str
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment = Field(description="When it ends unless it is used before.")


class Clients(Page[ClientOut]):
    """Clients, the earliest first."""


class Grants(Page[GrantOut]):
    """Grants, the earliest first."""


@router.get("/clients", response=answers(200, Clients, 422), summary="List the clients")
def client_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(request.auth.tenant.id):
        return page_of(managing.clients_known(request.auth), paging)


@router.post("/clients", response=written(201, ClientRegistered), summary="Register a client")
def client_register(request: ApiRequest, payload: ClientIn) -> Status[dict[str, Any]]:
    said = payload.model_dump()
    said["endpoints"] = None if payload.endpoints is None else [str(endpoint) for endpoint in payload.endpoints]
    with tenant_context(request.auth.tenant.id):
        made, secret = registering.client_register(actor=request.auth, fields=registering.ClientFields(**said))
        shown = ClientOut.from_orm(managing.client_shown(request.auth, made.pk)).model_dump()
    issued = {"client_secret": secret or None, "issuer": issuer_of(request.auth.tenant.id)}
    return Status(201, shown | issued)


@router.get("/client-policy", response=answers(200, PolicyBody), summary="Show what clients may do by themselves")
def policy_show(request: ApiRequest) -> AuthorizationPolicy:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return policy_of(request.auth.tenant.id)


@router.put("/client-policy", response=written(200, PolicyBody), summary="Set what clients may do by themselves")
def policy_replace(request: ApiRequest, payload: PolicyBody) -> AuthorizationPolicy:
    with tenant_context(request.auth.tenant.id):
        return policy_set(actor=request.auth, **payload.model_dump())


@router.get("/clients/{uuid:client}", response=answers(200, ClientOut, 404), summary="Show a client")
def client_show(request: ApiRequest, client: UUID) -> McpClient:
    with tenant_context(request.auth.tenant.id):
        return managing.client_shown(request.auth, client)


@router.delete("/clients/{uuid:client}", response=answers(204, None, 404, 409), summary="Remove a client")
def client_remove(request: ApiRequest, client: UUID) -> Status[None]:
    """Ends all that it was granted, within a second."""
    with tenant_context(request.auth.tenant.id):
        managing.client_remove(actor=request.auth, client_row=client)
    return Status(204, None)


@router.get("/client-grants", response=answers(200, Grants, 422), summary="List what clients were granted")
def grant_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(request.auth.tenant.id):
        return page_of(managing.grants_visible(request.auth), paging)


@router.get("/client-grants/{uuid:grant}", response=answers(200, GrantOut, 404), summary="Show a grant")
def grant_show(request: ApiRequest, grant: UUID) -> ClientGrant:
    with tenant_context(request.auth.tenant.id):
        return managing.grant_shown(request.auth, grant)


@router.delete("/client-grants/{uuid:grant}", response=answers(204, None, 404, 409), summary="Revoke a grant")
def grant_revoke(request: ApiRequest, grant: UUID) -> Status[None]:
    """Its tokens are refused within a second, on open streams too."""
    with tenant_context(request.auth.tenant.id):
        managing.grant_revoke(actor=request.auth, grant_id=grant)
    return Status(204, None)
