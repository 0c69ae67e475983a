"""What was called: bars over time, sums by tool, and the latest calls."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.entitlements import entitlement_of
from billing.ledger.selectors import usage_by, usage_calls, usage_total
from console.access import MemberRequest, member
from console.pages.usage.chart import bars_of
from console.pages.usage.wanted import Wanted
from console.rendering import ROWS_PER_PAGE, page
from mcp_runtime.selectors import endpoints_matching
from tenants.access import Permission

SHOWN_TOOLS = 20


@require_safe
@member(Permission.VIEW)
def show(request: MemberRequest) -> HttpResponse:
    """Calls of the chosen days, of all endpoints or one."""
    endpoints = list(endpoints_matching())
    wanted = Wanted.of(request.GET, endpoints)
    asked = wanted.asked
    calls = Paginator(usage_calls(wanted.recent), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    by_time: list[dict[str, Any]] = list(usage_by(asked, wanted.step))
    context = {
        "wanted": wanted,
        "sums": usage_total(asked),
        "chart": bars_of(by_time, asked, wanted.step),
        "tools": list(usage_by(asked, "tool")[:SHOWN_TOOLS]),
        "calls": calls,
        "names": {endpoint.pk: endpoint for endpoint in endpoints},
        "plan": entitlement_of(request.actor.tenant.id),
    }
    return page(request, "usage/show.html", context)
