"""The playground: any tool of any endpoint, tried from one page."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from console.access import MemberRequest, member
from console.pages.playground.trial import trial_of
from console.rendering import page
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.selectors import callable_tools, endpoints_matching
from tenants.access import Permission

MAXIMUM_SHOWN = 1_000


@require_safe
@member(Permission.CALL_TOOLS)
def show(request: MemberRequest) -> HttpResponse:
    """Choose an endpoint and a tool; both stand in the address."""
    endpoints = list(endpoints_matching()[:MAXIMUM_SHOWN])
    endpoint = _chosen(endpoints, request.GET.get("endpoint", ""))
    tools = list(callable_tools(endpoint)[:MAXIMUM_SHOWN]) if endpoint else []
    tool = _named(tools, request.GET.get("tool", ""))
    context = {
        "endpoints": [(found.slug, found.name) for found in endpoints],
        "endpoint": endpoint,
        "tools": [(found.name, found.title or found.name) for found in tools],
        "tool": tool,
        "trial": trial_of(endpoint, tool) if endpoint and tool else None,
    }
    return page(request, "playground/show.html", context)


def _chosen(endpoints: list[Endpoint], slug: str) -> Endpoint | None:
    return next((found for found in endpoints if found.slug == slug), endpoints[0] if endpoints else None)


def _named(tools: list[Tool], name: str) -> Tool | None:
    return next((found for found in tools if found.name == name), tools[0] if tools else None)
