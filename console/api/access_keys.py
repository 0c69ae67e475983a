"""Keys that MCP clients present to an endpoint."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictInt

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey
from mcp_runtime.services import access_keys
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission

router = Router(tags=["Access keys"])
PATH = "/endpoints/{slug:endpoint}/keys"


class AccessKeyOut(Schema):
    """A key for one endpoint that was not revoked."""

    id: UUID
    name: str
    prefix: str = Field(description="How the key begins.")
    tools: list[str] | None = Field(description="The tools it may list and call; null: all, also those made later.")
    calls_per_minute: int | None = Field(description="How many calls it may make a minute; null: no limit of its own.")
    created_at: Moment
    expires_at: Moment | None


class AccessKeyIssued(AccessKeyOut):
    """A new key. This is the only time that its secret is shown."""

    secret: str


class AccessKeyIn(Body):
    """A new key."""

    name: str = Field(description="1 to 80 characters: who or what will use it.")
    tools: list[str] | None = Field(default=None, description="Limit the key to these tools; null: all.")
    expires_at: Moment | None = Field(default=None, description="When it ends; null: never.")
    calls_per_minute: StrictInt | None = Field(
        default=None, description="How many calls it may make a minute, 1 to 1,000,000; null: no limit of its own."
    )


class AccessKeys(Page[AccessKeyOut]):
    """Keys, the earliest first."""


@router.get(PATH, response=answers(200, AccessKeys, 404, 422), summary="List the keys of an endpoint")
def access_key_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(AccessKey.objects.filter(endpoint=endpoint_for(endpoint), revoked_at=None), paging)


@router.post(PATH, response=written(201, AccessKeyIssued, 404), summary="Make a key")
def access_key_issue(request: ApiRequest, endpoint: str, payload: AccessKeyIn) -> Status[dict[str, Any]]:
    with tenant_context(request.auth.tenant.id):
        access_key, secret = access_keys.access_key_issue(
            actor=request.auth, endpoint_slug=endpoint, **payload.model_dump()
        )
    shown = AccessKeyOut.from_orm(access_key).model_dump()
    return Status(201, shown | {"secret": secret})


@router.get(PATH + "/{uuid:key_id}", response=answers(200, AccessKeyOut, 404), summary="Show a key")
def access_key_show(request: ApiRequest, endpoint: str, key_id: UUID) -> AccessKey:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        rows = AccessKey.objects.filter(endpoint=endpoint_for(endpoint), pk=key_id, revoked_at=None)
        access_key = rows.first()
    if access_key is None:
        raise Refused(refusals.NOT_FOUND)
    return access_key


@router.delete(PATH + "/{uuid:key_id}", response=answers(204, None, 404, 409), summary="Revoke a key")
def access_key_revoke(request: ApiRequest, endpoint: str, key_id: UUID) -> Status[None]:
    """Every worker refuses it within a second."""
    with tenant_context(request.auth.tenant.id):
        access_keys.access_key_revoke(actor=request.auth, endpoint_slug=endpoint, access_key_id=key_id)
    return Status(204, None)
