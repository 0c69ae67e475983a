"""Who is told when an upstream's state changes."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import AlertChannel, AlertKind
from mcp_runtime.services import alerts
from tenants.access import Permission

router = Router(tags=["Health"])
ONE = "/alert-channels/{uuid:channel_id}"


class ChannelOut(Schema):
    """Somebody who is told."""

    id: UUID
    name: str
    kind: AlertKind
    addresses: list[str] = Field(description="Of mail; none: all owners and admins.")
    url: str
    told_at: Moment | None
    error: str = Field(description="Why the last attempt failed, if it did.")
    created_at: Moment


class ChannelMade(ChannelOut):
    """A new channel. This is the only time that a webhook's secret is shown."""

    secret: str


class ChannelIn(Body):
    """A new channel."""

    name: str = Field(description="1 to 80 characters.")
    kind: str = Field(description="mail or webhook.")
    url: str = Field(
        default="",
        description="Of a webhook: an https URL. It gets messages signed as Standard Webhooks has it: "
        "`upstream.health`, and `billing.notice` of calls used up, payments and disputes.",
    )
    addresses: list[str] = Field(default_factory=list, description="Of mail: at most 20; none: all owners and admins.")


class SecretOut(Schema):
    """A new secret, shown this once."""

    secret: str


class Channels(Page[ChannelOut]):
    """Channels, the earliest first."""


@router.get("/alert-channels", response=answers(200, Channels, 422), summary="List who is told")
def channel_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.EDIT_ENDPOINTS)
    with tenant_context(request.auth.tenant.id):
        return page_of(AlertChannel.objects.all(), paging)


@router.post("/alert-channels", response=written(201, ChannelMade), summary="Have somebody told")
def channel_create(request: ApiRequest, payload: ChannelIn) -> Status[dict[str, Any]]:
    with tenant_context(request.auth.tenant.id):
        channel, secret = alerts.channel_create(actor=request.auth, **payload.model_dump())
    return Status(201, ChannelOut.from_orm(channel).model_dump() | {"secret": secret})


@router.delete(ONE, response=answers(204, None, 404, 409), summary="Have somebody told no more")
def channel_delete(request: ApiRequest, channel_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        alerts.channel_delete(actor=request.auth, channel_id=channel_id)
    return Status(204, None)


@router.post(ONE + "/test", response=answers(202, None, 404, 409), summary="Send a test")
def channel_test(request: ApiRequest, channel_id: UUID) -> Status[None]:
    """Within seconds; `told_at` and `error` say what came of it."""
    with tenant_context(request.auth.tenant.id):
        alerts.channel_test(actor=request.auth, channel_id=channel_id)
    return Status(202, None)


@router.post(ONE + "/secret", response=answers(200, SecretOut, 404, 409), summary="Make a new secret")
def channel_rotate(request: ApiRequest, channel_id: UUID) -> dict[str, str]:
    """The former one signs beside it, until the next is made or it is forgotten."""
    with tenant_context(request.auth.tenant.id):
        return {"secret": alerts.channel_rotate(actor=request.auth, channel_id=channel_id)}


@router.delete(ONE + "/former-secret", response=answers(204, None, 404, 409), summary="Forget the former secret")
def channel_forget_former(request: ApiRequest, channel_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        alerts.channel_forget_former(actor=request.auth, channel_id=channel_id)
    return Status(204, None)
