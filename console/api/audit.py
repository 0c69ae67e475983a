"""The audit log: pages of it, and the whole for whoever keeps it elsewhere."""

from typing import Any, Literal

from django.http import StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from console.api.requests import ApiRequest
from console.api.schemas import answers
from console.audit_download import CONTENT_TYPES, audit_download
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.audit.reading import audit_events, audit_head, told_of

router = Router(tags=["Audit log"])
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
