"""Endpoints: list, make, show how to connect, change, delete."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from billing.entitlements import entitlement_of
from console.access import MemberRequest, member
from console.connecting import connections
from console.forms import TypedNameForm
from console.pages.endpoints.forms import EndpointForm, EndpointSettingsForm
from console.rendering import page, query_of, rows_of
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Endpoint
from mcp_runtime.selectors import endpoint_count, endpoints_matching, live_access_keys, tools_matching
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete, endpoint_for, endpoint_update
from tenants.access import Permission


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest) -> HttpResponse:
    """Every endpoint of the tenant."""
    query = query_of(request)
    context = {
        "rows": rows_of(request, endpoints_matching(query)),
        "query": query,
        "count": endpoint_count(),
        "plan": entitlement_of(request.actor.tenant.id),
    }
    template = "endpoints/index.html#rows" if request.htmx else "endpoints/index.html"
    return page(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def create(request: MemberRequest) -> HttpResponse:
    """A new endpoint; what it needs next is a tool."""
    form = EndpointForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            endpoint = endpoint_create(actor=request.actor, **form.said())
            messages.success(request, f"Endpoint {endpoint.name} is live. Add its first tool.")
            return redirect("endpoint_detail", request.actor.tenant.slug, endpoint.slug)
    return page(request, "endpoints/create.html", {"form": form}, status=form.status)


@require_safe
@member(Permission.VIEW)
def detail(request: MemberRequest, endpoint: str) -> HttpResponse:
    """The URL of an endpoint, how to connect to it, and its tools."""
    found = endpoint_for(endpoint)
    query = query_of(request)
    tools = rows_of(request, tools_matching(found, query))
    if request.htmx:
        return page(request, "endpoints/detail.html#tools", {"endpoint": found, "rows": tools, "query": query})
    context = about(request, found) | {
        "rows": tools,
        "query": query,
        "connections": connections(tenant=request.actor.tenant, endpoint=found),
        "key_count": live_access_keys(found).count(),
        "plan": entitlement_of(request.actor.tenant.id),
    }
    return page(request, "endpoints/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def settings(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Name, access, instructions and origins of an endpoint."""
    found = endpoint_for(endpoint)
    form = EndpointSettingsForm.of(found, request.POST or None)
    if form.is_valid():
        with form.submitting():
            changed = endpoint_update(actor=request.actor, endpoint_slug=endpoint, **form.said())
            messages.success(request, f"Endpoint {changed.name} is changed. Clients see it within a second.")
            return redirect("endpoint_settings", request.actor.tenant.slug, endpoint)
    return page(
        request, "endpoints/settings.html", about(request, found, here="settings") | {"form": form}, status=form.status
    )


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def delete(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Asks for the endpoint's address to be typed, then deletes it."""
    found = endpoint_for(endpoint)
    form = TypedNameForm(found.slug, request.POST or None)
    if form.is_valid():
        endpoint_delete(actor=request.actor, endpoint_slug=endpoint)
        messages.success(request, f"Endpoint {found.name} is deleted. Its URL answers 404 within a second.")
        return redirect("endpoint_list", request.actor.tenant.slug)
    context = about(request, found, here="settings") | {
        "form": form,
        "tool_count": tools_matching(found).count(),
        "key_count": live_access_keys(found).count(),
    }
    return page(request, "endpoints/delete.html", context, status=form.status)


def about(request: MemberRequest, endpoint: Endpoint, *, here: str = "tools") -> dict[str, Any]:
    """What every page of one endpoint shows; `here` is the tab it belongs to."""
    return {"endpoint": endpoint, "mcp_url": mcp_url(request.actor.tenant.slug, endpoint.slug), "here": here}
