"""Keys of this API itself."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.models import ApiKey, Role
from tenants.services import api_keys

router = Router(tags=["API keys"])


class ApiKeyOut(Schema):
    """A key of this API that was not revoked."""

    id: UUID
    name: str
    prefix: str = Field(description="How the key begins.")
    role: Role
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None = Field(description="To the minute.")


class ApiKeyIssued(ApiKeyOut):
    """A new key. This is the only time that its secret is shown."""

    secret: str


class ApiKeyIn(Body):
    """A new key."""

    name: str = Field(description="1 to 80 characters: who or what will use it.")
    role: str = Field(description="owner, admin, developer or viewer; at most the role of the key that asks.")
    expires_at: Moment | None = Field(default=None, description="When it ends; null: never.")


class ApiKeys(Page[ApiKeyOut]):
    """Keys, the earliest first."""


@router.get("/api-keys", response=answers(200, ApiKeys, 422), summary="List the API keys")
def api_key_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_API_KEYS)
    with tenant_context(request.auth.tenant.id):
        return page_of(ApiKey.objects.filter(revoked_at=None), paging)


@router.post("/api-keys", response=written(201, ApiKeyIssued), summary="Make an API key")
def api_key_issue(request: ApiRequest, payload: ApiKeyIn) -> Status[dict[str, Any]]:
    with tenant_context(request.auth.tenant.id):
        api_key, secret = api_keys.api_key_issue(actor=request.auth, **payload.model_dump())
    return Status(201, ApiKeyOut.from_orm(api_key).model_dump() | {"secret": secret})


@router.get("/api-keys/{uuid:key_id}", response=answers(200, ApiKeyOut, 404), summary="Show an API key")
def api_key_show(request: ApiRequest, key_id: UUID) -> ApiKey:
    request.auth.require(Permission.MANAGE_API_KEYS)
    with tenant_context(request.auth.tenant.id):
        api_key = ApiKey.objects.filter(pk=key_id, revoked_at=None).first()
    if api_key is None:
        raise Refused(refusals.NOT_FOUND)
    return api_key


@router.delete("/api-keys/{uuid:key_id}", response=answers(204, None, 404, 409), summary="Revoke an API key")
def api_key_revoke(request: ApiRequest, key_id: UUID) -> Status[None]:
    """A key may revoke itself."""
    with tenant_context(request.auth.tenant.id):
        api_keys.api_key_revoke(actor=request.auth, api_key_id=key_id)
    return Status(204, None)
