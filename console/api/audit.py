"""The audit log: pages of it, and the whole for whoever keeps it elsewhere."""

from typing import Any, Literal
from uuid import UUID

from django.http import StreamingHttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from console.audit_download import CONTENT_TYPES, audit_download
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.audit import targets
from tenants.audit.reading import audit_events, audit_head, told_of
from tenants.models import AuditTarget

router = Router(tags=["Audit log"])
ONE = "/audit-targets/{uuid:target_id}"
MAXIMUM_SEQUENCE = 2**63 - 1
_TEXT = {"schema": {"type": "string"}}
_DOWNLOAD = {"description": "OK", "content": {kind.partition(";")[0]: _TEXT for kind in CONTENT_TYPES.values()}}


class EventFilter(Schema):
    """Which events are meant, and which part of them."""

    q: str = Field(
        default="",
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="In acts, names, addresses, request ids.",
    )
    kind: str = Field(default="", max_length=40, pattern=r"^[a-z_]*$", description="What they are about: `endpoint`.")
    before: int | None = Field(default=None, ge=1, le=MAXIMUM_SEQUENCE, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=100, description="How many items to return.")


class EventOut(Schema):
    """One event, as it is exported: `digest` is over all of it and the digest of the one before (`previous`)."""

    sequence: int
    at: str = Field(description="In UTC, with microseconds, as the digest is over it.")
    actor_kind: str = Field(description="member, api_key, scim, client, anonymous or system.")
    actor_id: str
    actor_name: str
    address: str = Field(description="The client's IP address, where there was one.")
    request_id: str
    action: str = Field(description="`<kind>.<what happened>`, such as `endpoint.changed`.")
    target_kind: str
    target_id: str
    target_name: str
    changes: list[list[str | None]] = Field(
        description="[what, before, after] each; both null where it is only told that it changed."
    )
    previous: str
    digest: str


class Events(Schema):
    """A part of the log, the latest first."""

    items: list[EventOut]
    next: int | None = Field(description="Ask for the next part with this as `before`; null at the end.")
    sequence: int = Field(description="Number of the latest event there is.")
    digest: str = Field(description="Its digest, to hold an export to.")


class Export(Schema):
    """What of the log to export."""

    form: Literal["jsonl", "csv"] = Field(default="jsonl", alias="format", description="JSON Lines can be verified.")
    after: int = Field(default=0, ge=0, le=MAXIMUM_SEQUENCE, description="Begin after the event with this number.")


class TargetOut(Schema):
    """A webhook that gets the log."""

    id: UUID
    name: str
    url: str
    cursor: int = Field(description="Number of the last event that it took.")
    told_at: Moment | None
    error: str = Field(description="Why the last attempt failed, if it did.")
    failures: int = Field(description="How many attempts failed since it last took something.")
    created_at: Moment


class TargetMade(TargetOut):
    """A new webhook. This is the only time that its secret is shown."""

    secret: str


class TargetIn(Body):
    """A new webhook."""

    name: str = Field(description="1 to 80 characters.")
    url: str = Field(description="An https URL; what it gets is signed as Standard Webhooks has it.")
    after: int | None = Field(default=None, description="Begin after the event with this number; by default now.")


class TargetSecret(Schema):
    """A new secret, shown this once."""

    secret: str


class Targets(Page[TargetOut]):
    """Webhooks, the earliest first."""


@router.get("/audit-events", response=answers(200, Events, 422), summary="List what was done")
def audit_event_list(request: ApiRequest, wanted: Query[EventFilter]) -> dict[str, Any]:
    """Who did what, to what, from where and when."""
    request.auth.require(Permission.VIEW_AUDIT)
    with tenant_context(request.auth.tenant.id):
        rows = audit_events(actor=request.auth, text=wanted.q, kind=wanted.kind, before=wanted.before)
        found = [told_of(event) for event in rows[: wanted.limit + 1]]
        sequence, digest = audit_head()
    items = found[: wanted.limit]
    following = items[-1]["sequence"] if len(found) > wanted.limit else None
    return {"items": items, "next": following, "sequence": sequence, "digest": digest}


@router.get(
    "/audit-events/export",
    response=answers(200, None, 422),
    summary="Export the audit log",
    openapi_extra={"responses": {200: _DOWNLOAD}},
)
def audit_event_export(request: ApiRequest, wanted: Query[Export]) -> StreamingHttpResponse:
    """The earliest first, streamed; that you export it is its last event. `armstrong audit verify` checks it."""
    return audit_download(request, request.auth, wanted.form, wanted.after)


@router.get("/audit-targets", response=answers(200, Targets, 422), summary="List the webhooks that get the log")
def audit_target_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW_AUDIT)
    with tenant_context(request.auth.tenant.id):
        return page_of(AuditTarget.objects.all(), paging)


@router.post("/audit-targets", response=written(201, TargetMade), summary="Have a webhook get the log")
def audit_target_create(request: ApiRequest, payload: TargetIn) -> Status[dict[str, Any]]:
    """Every event, in order, at least once, at most 100 at once, until it answers with a status of 2xx."""
    with tenant_context(request.auth.tenant.id):
        target, secret = targets.target_create(actor=request.auth, **payload.model_dump())
    return Status(201, TargetOut.from_orm(target).model_dump() | {"secret": secret})


@router.delete(ONE, response=answers(204, None, 404, 409), summary="Send a webhook nothing more")
def audit_target_delete(request: ApiRequest, target_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        targets.target_delete(actor=request.auth, target_id=target_id)
    return Status(204, None)


@router.post(ONE + "/secret", response=answers(200, TargetSecret, 404, 409), summary="Make a new secret")
def audit_target_rotate(request: ApiRequest, target_id: UUID) -> dict[str, str]:
    """The former one signs beside it, until the next is made or it is forgotten."""
    with tenant_context(request.auth.tenant.id):
        return {"secret": targets.target_rotate(actor=request.auth, target_id=target_id)}


@router.delete(ONE + "/former-secret", response=answers(204, None, 404, 409), summary="Forget the former secret")
def audit_target_forget_former(request: ApiRequest, target_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        targets.target_forget_former(actor=request.auth, target_id=target_id)
    return Status(204, None)
