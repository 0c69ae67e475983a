"""OAuth connections of upstreams, and the receipts of what was revoked."""

from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.services.connecting import ConnectFields, upstream_connect
from tenants.access import Actor, Permission
from tenants.models import Connection, ConnectionState, GrantType, Revocation, RevocationOutcome
from tenants.validation import refused_fields
from tenants.vault import revocations
from tenants.vault.connections import connection_choose
from tenants.vault.selectors import connection_shown, connections_visible, receipts_visible

router = Router(tags=["Connections"])


class ConnectionOut(Schema):
    """An account at a provider that an upstream is reached with. Its tokens are told to nobody."""

    id: UUID
    upstream: UUID = Field(alias="holder", description="The id of the upstream that uses it.")
    user_id: UUID | None = Field(description="The member whose own it is; null: the tenant's.")
    label: str
    chosen: bool = Field(alias="is_chosen", description="Whether calls use this one of the upstream's.")
    provider: str = Field(description="The issuer.")
    grant_type: GrantType
    scopes: str = Field(description="What a login asks for.")
    further_scopes: str = Field(description="What the upstream wanted of calls since; the next login asks for it too.")
    state: ConnectionState
    last_error: str = Field(description="Why it needs login, or what went wrong last; may be empty.")
    expires_at: Moment | None = Field(description="When the access token ends; it is renewed before.")
    connected_at: Moment | None
    refreshed_at: Moment | None
    created_at: Moment
    connect_url: str = Field(description="The page on which a member logs in. No login can be begun without a browser.")

    @staticmethod
    def resolve_provider(connection: Connection) -> str:
        return connection.client.issuer

    @staticmethod
    def resolve_connect_url(connection: Connection) -> str:
        return f"{settings.CONSOLE_URL}/t/{connection.tenant.slug}/connections/{connection.pk}/connect/"


class ConnectionIn(Body):
    """A new connection. Without a client ID we register ourselves at the provider."""

    upstream: UUID
    label: str = Field(default="", description="Tells several accounts of one upstream apart; at most 80 characters.")
    grant_type: str = Field(default=GrantType.CODE, description=f"One of {', '.join(GrantType.values)}.")
    scopes: str = Field(default="", max_length=2000, description="Empty: what the upstream asks for.")
    issuer: str = Field(default="", max_length=500, description="Empty: the provider that the upstream names.")
    client_id: str = ""
    client_secret: str = Field(default="", description="The secret, or for private_key_jwt a private key as PEM.")
    auth_method: str = Field(
        default="", description="client_secret_basic, client_secret_post, private_key_jwt or none."
    )
    subject: UUID | None = Field(default=None, description="For token_exchange: the connection whose token is given.")


class ReceiptOut(Schema):
    """One token set that was taken out of use, and what its provider said."""

    id: UUID
    connection: UUID = Field(alias="connection_id")
    upstream: UUID = Field(alias="holder")
    label: str
    provider: str = Field(alias="issuer")
    user_id: UUID | None
    requested_by: UUID | None = Field(alias="requested_by_id")
    reason: str
    requested_at: Moment
    tokens: int = Field(description="How many tokens the provider was to be told of.")
    outcome: RevocationOutcome
    http_status: int | None
    attempts: int
    last_error: str
    ended_at: Moment | None


class RevokeIn(Body):
    """What to revoke: everything of the tenant, at one provider, or of one member."""

    scope: Literal["tenant", "provider", "member"]
    issuer: str = Field(default="", description="For a provider.")
    user_id: UUID | None = Field(default=None, description="For a member.")


class Connections(Page[ConnectionOut]):
    """Connections, the earliest first."""


class Receipts(Page[ReceiptOut]):
    """Receipts, the newest first."""


@router.get("/connections", response=answers(200, Connections, 422), summary="List the connections")
def connection_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(connections_visible(request.auth).select_related("tenant"), paging)


@router.post("/connections", response=written(201, ConnectionOut, 404, 502), summary="Connect an upstream")
def connection_create(request: ApiRequest, payload: ConnectionIn) -> Status[Connection]:
    """Finds the provider and registers there. Where a person has to log in, `connect_url` is where they do."""
    fields = ConnectFields(**payload.model_dump(exclude={"upstream"}))
    made = upstream_connect(actor=request.auth, upstream_id=payload.upstream, fields=fields)
    return Status(201, _shown(request.auth, made.pk))


@router.get("/connections/{uuid:connection_id}", response=answers(200, ConnectionOut, 404), summary="Show a connection")
def connection_show(request: ApiRequest, connection_id: UUID) -> Connection:
    request.auth.require(Permission.VIEW)
    return _shown(request.auth, connection_id)


@router.delete("/connections/{uuid:connection_id}", response=answers(204, None, 404), summary="Remove a connection")
def connection_delete(request: ApiRequest, connection_id: UUID) -> Status[None]:
    """Revokes it as well; its receipts stay."""
    with tenant_context(request.auth.tenant.id):
        revocations.connection_delete(actor=request.auth, connection_id=connection_id)
    return Status(204, None)


@router.post(
    "/connections/{uuid:connection_id}/disconnect",
    response=answers(200, list[ReceiptOut], 404),
    summary="Disconnect: out of use at once, then revoked at the provider",
)
def connection_disconnect(request: ApiRequest, connection_id: UUID) -> list[Revocation]:
    with tenant_context(request.auth.tenant.id):
        return revocations.connection_disconnect(actor=request.auth, connection_id=connection_id)


@router.post(
    "/connections/{uuid:connection_id}/choose",
    response=answers(200, ConnectionOut, 404),
    summary="Have calls use this connection of its upstream",
)
def connection_choose_it(request: ApiRequest, connection_id: UUID) -> Connection:
    with tenant_context(request.auth.tenant.id):
        connection_choose(actor=request.auth, connection_id=connection_id)
    return _shown(request.auth, connection_id)


@router.post(
    "/revocations", response=written(200, list[ReceiptOut], 404), summary="Revoke everything of a tenant or a part"
)
def revoke_everything(request: ApiRequest, payload: RevokeIn) -> list[Revocation]:
    """Nothing of it is usable when this answers; the providers are told after, as the receipts say."""
    with tenant_context(request.auth.tenant.id):
        return _revoked(request.auth, payload)


@router.get("/revocations", response=answers(200, Receipts, 422), summary="List receipts of what was revoked")
def receipt_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(receipts_visible(request.auth), paging, by="-requested_at")


def _shown(actor: Actor, connection_id: UUID) -> Connection:
    with tenant_context(actor.tenant.id):
        connection = connection_shown(actor, connection_id)
        connection.tenant = actor.tenant
        return connection


def _revoked(actor: Actor, payload: RevokeIn) -> list[Revocation]:
    if payload.scope == "tenant":
        return revocations.revoke_all_of_tenant(actor=actor)
    if payload.scope == "provider":
        return revocations.revoke_all_at_provider(actor=actor, issuer=payload.issuer)
    if payload.user_id is None:
        raise refused_fields({"user_id": "Name the member."})
    return revocations.revoke_all_of_user(actor=actor, user_id=payload.user_id)
