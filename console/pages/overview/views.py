"""A tenant at a glance."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.entitlements import entitlement_of
from console.access import MemberRequest, member
from console.excess import excess_now
from console.rendering import page
from mcp_runtime.host_selectors import hosts_in_trouble
from mcp_runtime.selectors import endpoints_matching, endpoints_without_tools, live_access_key_count, tool_count
from tenants.access import Permission
from tenants.selectors import invitations_open, members_matching

SHOWN_ENDPOINTS = 8


@require_safe
@member(Permission.VIEW)
def show(request: MemberRequest) -> HttpResponse:
    """What there is, against what the plan allows, and what needs somebody."""
    endpoints = endpoints_matching()
    held = entitlement_of(request.actor.tenant.id)
    context = {
        "plan": held,
        "excess": excess_now(held),
        "endpoints": endpoints.order_by("-updated_at")[:SHOWN_ENDPOINTS],
        "endpoint_count": endpoints.count(),
        "tool_count": tool_count(),
        "key_count": live_access_key_count(),
        "member_count": members_matching().count(),
        "invitation_count": invitations_open().count(),
        "hosts_in_trouble": hosts_in_trouble()[:SHOWN_ENDPOINTS],
        "empty_endpoints": endpoints_without_tools()[:SHOWN_ENDPOINTS],
    }
    return page(request, "overview/show.html", context)
