"""What was called: sums, and the calls themselves."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from billing.ledger.models import UsageEvent
from billing.ledger.selectors import Asked, usage_by, usage_calls, usage_total
from console.api.paging import Page, Paging
from console.api.requests import ApiRequest
from console.api.schemas import Moment, answers
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission

router = Router(tags=["Usage"])
DAY = timedelta(days=1)


class UsageFilter(Schema):
    """Which calls are meant."""

    since: Moment | None = Field(default=None, alias="from", description="From this moment on; a day ago if left out.")
    until: Moment | None = Field(default=None, alias="to", description="Before this moment; now if left out.")
    endpoint: str | None = Field(default=None, max_length=40, description="The slug of an endpoint.")
    key: UUID | None = Field(default=None, description="The id of an access key, revoked ones too.")
    tool: str | None = Field(
        default=None, max_length=200, pattern=r"^[^\x00]*$", description="The name of a tool or prompt, or a URI."
    )

    def asked(self) -> Asked:
        """The same for the ledger; raises Refused(NOT_FOUND) for an endpoint that there is not."""
        until = self.until or timezone.now()
        endpoint_id = endpoint_for(self.endpoint).pk if self.endpoint is not None else None
        return Asked(self.since or until - DAY, until, endpoint_id, self.key, self.tool)


class UsageGrouping(UsageFilter):
    """The same, and by what it is summed."""

    by: Literal["hour", "day", "tool", "key", "endpoint"] = Field(default="day", description="What one line is about.")


class UsageSums(Schema):
    """Sums over calls."""

    calls: int
    billable: int = Field(description="Calls that ended well. Failed calls and refusals are free.")
    errors: int = Field(description="Calls that ended otherwise than well.")
    microseconds: int = Field(description="How long they took together.")
    bytes_in: int
    bytes_out: int


class UsageGroup(UsageSums):
    """One line."""

    group: str = Field(
        description="The beginning of the hour or day (UTC), the name, `key:<id>`, or the endpoint's id."
    )


class Usage(Page[UsageGroup]):
    """Sums, made once a minute, in whole hours: times in order, and everything else by the number of calls."""

    sums: UsageSums


class CallOut(Schema):
    """One call. It is kept for as many days as the plan says."""

    at: Moment = Field(description="When it ended.")
    endpoint_id: UUID
    principal: str = Field(description="`key:<id>`, `member:<id>`, `anonymous`; empty where nobody was let in.")
    method: str
    name: str
    revision: str = Field(description="The revision of the protocol that it was made in.")
    outcome: str = Field(description="ok, tool_error, input_required, failed, cancelled, or refused:<code>.")
    billable: bool
    microseconds: int
    bytes_in: int
    bytes_out: int
    request_id: str


class Calls(Page[CallOut]):
    """Calls, the latest first."""


@router.get("/usage", response=answers(200, Usage, 404, 422), summary="Sum what was called")
def usage_show(request: ApiRequest, wanted: Query[UsageGrouping], paging: Query[Paging]) -> dict[str, Any]:
    """At most 366 days at once, by the hour 31."""
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        asked = wanted.asked()
        rows = usage_by(asked, wanted.by)
        found = list(rows[paging.offset : paging.offset + paging.limit])
        total, sums = rows.count(), usage_total(asked)
    return _part([row | {"group": _named(row["group"])} for row in found], total, paging) | {"sums": sums}


@router.get("/usage/calls", response=answers(200, Calls, 404, 422), summary="List calls")
def usage_call_list(request: ApiRequest, wanted: Query[UsageFilter], paging: Query[Paging]) -> dict[str, Any]:
    """At most 31 days at once. “What did this key call last Tuesday?” is `key`, `from` and `to`."""
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        rows = usage_calls(wanted.asked())
        found: list[UsageEvent] = list(rows[paging.offset : paging.offset + paging.limit])
        total = rows.count()
    return _part(found, total, paging)


def _part(items: list[Any], total: int, paging: Paging) -> dict[str, Any]:
    return {"items": items, "total": total, "limit": paging.limit, "offset": paging.offset}


def _named(group: object) -> str:
    return group.isoformat() if isinstance(group, datetime) else str(group)
