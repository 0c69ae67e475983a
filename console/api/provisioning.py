"""Provisioning by SCIM, and receipts of people who were put out."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from console.scim.addresses import base_url
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.models import Deprovision, Role, ScimConnection
from tenants.scim import connections
from tenants.scim.selectors import deprovision_of, receipt_lines, scim_groups

router = Router(tags=["Provisioning"])
ONE = "/scim-connections/{uuid:connection_id}"


class ScimConnectionOut(Schema):
    """An identity provider that provisions the tenant."""

    id: UUID
    name: str
    default_role: Role = Field(description="Of people who join.")
    base_url: str = Field(description="What the provider is given beside a token.")
    created_at: Moment

    @staticmethod
    def resolve_base_url(connection: ScimConnection) -> str:
        return base_url(connection.pk)


class ScimConnectionIn(Body):
    """A new connection."""

    name: str = Field(description="1 to 80 characters.")
    default_role: str = Field(default="viewer", description="admin, developer or viewer; at most the key's own role.")


class ScimTokenIn(Body):
    """A new token."""

    expires_at: Moment | None = Field(default=None, description="When it ends; null: never.")


class ScimTokenOut(Schema):
    """A token; this is the only time that its secret is shown."""

    id: UUID
    prefix: str
    expires_at: Moment | None
    secret: str


class ScimGroupOut(Schema):
    """A group that the provider told of."""

    id: UUID
    name: str
    role: str = Field(description="What its members have at least; empty: it gives none.")
    created_at: Moment


class ScimGroupPatch(Body):
    """What a group gives."""

    role: str = Field(description="admin, developer, viewer, or empty for none; at most the key's own role.")


class ScimRequestOut(Schema):
    """One request of the provider."""

    at: Moment
    method: str
    path: str
    status: int
    detail: str


class DeprovisionOut(Schema):
    """Somebody who was put out."""

    id: UUID
    email: str
    cause: str
    at: Moment


class DeprovisionLine(Schema):
    """One thing that ended."""

    kind: str
    label: str
    note: str
    ended_at: Moment
    provider_outcome: str | None = Field(description="Of a connection: what its provider said so far.")


class DeprovisionReceipt(DeprovisionOut):
    """The same, with all that ended."""

    items: list[DeprovisionLine]


class ScimConnections(Page[ScimConnectionOut]):
    """Connections, the earliest first."""


class ScimGroups(Page[ScimGroupOut]):
    """Groups, the earliest first."""


class ScimRequests(Page[ScimRequestOut]):
    """Requests that are kept, the earliest first."""


class Deprovisions(Page[DeprovisionOut]):
    """Receipts, the earliest first."""


@router.get("/scim-connections", response=answers(200, ScimConnections, 422), summary="List who provisions")
def scim_connection_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(ScimConnection.objects.all(), paging)


@router.post("/scim-connections", response=written(201, ScimConnectionOut), summary="Have somebody provision")
def scim_connection_create(request: ApiRequest, payload: ScimConnectionIn) -> Status[ScimConnection]:
    """It has no token yet."""
    with tenant_context(request.auth.tenant.id):
        return Status(201, connections.scim_connection_create(actor=request.auth, **payload.model_dump()))


@router.get(ONE, response=answers(200, ScimConnectionOut, 404), summary="Show who provisions")
def scim_connection_show(request: ApiRequest, connection_id: UUID) -> ScimConnection:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return connections.scim_connection_of(connection_id)


@router.delete(ONE, response=answers(204, None, 404, 409), summary="End provisioning")
def scim_connection_delete(request: ApiRequest, connection_id: UUID) -> Status[None]:
    """Its tokens, groups and open invitations go; members stay."""
    with tenant_context(request.auth.tenant.id):
        connections.scim_connection_delete(actor=request.auth, connection_id=connection_id)
    return Status(204, None)


@router.post(f"{ONE}/tokens", response=written(201, ScimTokenOut, 404), summary="Make a token")
def scim_token_issue(request: ApiRequest, connection_id: UUID, payload: ScimTokenIn) -> Status[dict[str, Any]]:
    """Two work at once, so that one is exchanged without a gap."""
    with tenant_context(request.auth.tenant.id):
        token, secret = connections.scim_token_issue(
            actor=request.auth, connection_id=connection_id, expires_at=payload.expires_at
        )
    shown = {"id": token.pk, "prefix": token.prefix, "expires_at": token.expires_at, "secret": secret}
    return Status(201, shown)


@router.delete(f"{ONE}/tokens/{{uuid:token_id}}", response=answers(204, None, 404, 409), summary="Revoke a token")
def scim_token_revoke(request: ApiRequest, connection_id: UUID, token_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        connections.scim_token_revoke(actor=request.auth, connection_id=connection_id, token_id=token_id)
    return Status(204, None)


@router.get(f"{ONE}/groups", response=answers(200, ScimGroups, 404, 422), summary="List provisioned groups")
def scim_group_list(request: ApiRequest, connection_id: UUID, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(scim_groups(connections.scim_connection_of(connection_id)), paging)


@router.patch(
    f"{ONE}/groups/{{uuid:group_id}}", response=written(200, ScimGroupOut, 404), summary="Give a group a role"
)
def scim_group_change(request: ApiRequest, connection_id: UUID, group_id: UUID, payload: ScimGroupPatch) -> Any:
    """Its members have it at once; the highest of all their groups counts."""
    with tenant_context(request.auth.tenant.id):
        return connections.group_take_role(
            actor=request.auth, connection_id=connection_id, group_id=group_id, role=payload.role
        )


@router.get(f"{ONE}/requests", response=answers(200, ScimRequests, 404, 422), summary="List the last requests")
def scim_request_list(request: ApiRequest, connection_id: UUID, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(connections.scim_connection_of(connection_id).requests.all(), paging, by="at")


@router.get("/deprovisions", response=answers(200, Deprovisions, 422), summary="List who was put out")
def deprovision_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(Deprovision.objects.all(), paging, by="at")


@router.get(
    "/deprovisions/{uuid:deprovision_id}", response=answers(200, DeprovisionReceipt, 404), summary="Show what ended"
)
def deprovision_show(request: ApiRequest, deprovision_id: UUID) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        receipt = deprovision_of(deprovision_id)
        items = [
            {
                "kind": line.item.kind,
                "label": line.item.label,
                "note": line.item.note,
                "ended_at": line.item.ended_at,
                "provider_outcome": line.revocation.outcome if line.revocation else None,
            }
            for line in receipt_lines(receipt)
        ]
    told = {"id": receipt.pk, "email": receipt.email, "cause": receipt.cause, "at": receipt.at}
    return told | {"items": items}
