"""The page that everybody sees, where a tenant publishes one; what is not published looks like what is not there."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from billing.uptime.reckoning import Record
from console.pages.uptime.strip import HEIGHT, SHOWN_OUTAGES, WIDTH, marks_of, outages_of
from mcp_runtime.uptime_selectors import SHOWN_DAYS, PublicStatus, public_status

# Who watches a page does not ask the database at every look.
_FRESH_SECONDS = 30


@require_safe
@cache_control(public=True, max_age=_FRESH_SECONDS)
def show(request: HttpRequest, tenant: str) -> HttpResponse:
    """How each endpoint is, its last days, and when it was down."""
    status, today = _status(tenant), timezone.now().date()
    days = [today - timedelta(days=back) for back in range(SHOWN_DAYS - 1, -1, -1)]
    rows = [(record, marks_of(record, days)) for record in status.records]
    context = {"status": status, "rows": rows, "outages": outages_of(status.records), "width": WIDTH, "height": HEIGHT}
    return render(request, "uptime/public.html", context | {"days": SHOWN_DAYS})


@require_safe
@cache_control(public=True, max_age=_FRESH_SECONDS)
def document(_request: HttpRequest, tenant: str) -> JsonResponse:
    """The same for programs."""
    status = _status(tenant)
    return JsonResponse(
        {
            "name": status.name,
            "state": "down" if status.down else "up",
            "days": SHOWN_DAYS,
            "endpoints": [_told(record) for record in status.records],
        }
    )


def _status(tenant: str) -> PublicStatus:
    status = public_status(tenant, timezone.now())
    if status is None:
        raise Http404
    return status


def _told(record: Record) -> dict[str, Any]:
    return {
        "name": record.endpoint.name,
        "state": "down" if record.is_down else "up",
        "uptime_percent": None if record.uptime is None else str(record.uptime),
        "minutes_counted": record.tally.counted,
        "minutes_down": record.tally.down,
        "outages": [
            {"since": outage.since.isoformat(), "until": outage.until.isoformat(), "minutes": outage.minutes}
            for outage in record.outages[:SHOWN_OUTAGES]
        ],
    }
