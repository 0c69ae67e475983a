"""Logging in at a provider: asked for on a page of ours, and answered at one address for all tenants."""

import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, PersonRequest, member, person
from console.rendering import page
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Upstream
from mcp_runtime.services.connecting import upstream_connected
from tenants.access import Permission
from tenants.models import Connection, Tenant
from tenants.vault.clients import callback_url, document_url
from tenants.vault.connections import connection_register, may_log_in
from tenants.vault.logins import login_finish, login_start
from tenants.vault.oauth.registration import client_document
from tenants.vault.selectors import connection_shown

BROWSER = "connections.browser"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.CALL_TOOLS)
def connect(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Says who will be asked for what; the answer to its POST, or to that of a button elsewhere, goes on there.

    A login begins with a POST alone, so that no page of others can send somebody to log in for this tenant. The answer
    is a page that goes on by itself, since a form may lead to our own origin alone (form-action).
    """
    connection = connection_shown(request.actor, connection_id)
    context = _about(connection) | {"may_log_in": may_log_in(request.actor, connection)}
    if request.method == "POST":
        url = login_start(actor=request.actor, connection_id=connection_id, browser=_browser(request))
        return page(request, "connections/leave.html", context | {"url": url})
    return page(request, "connections/connect.html", context)


@require_POST
@member(Permission.EDIT_ENDPOINTS, holds_context=False)
def register(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Registers anew at a provider that does not know us any more; what it refuses is said where it was asked for."""
    try:
        connection_register(actor=request.actor, connection_id=connection_id)
        messages.success(request, "We are registered there anew. Log in now.")
    except Refused as refused:
        if refused.refusal is not refusals.PROVIDER_REFUSED:
            raise
        messages.error(request, str(refused))
    return redirect("connection_connect", request.actor.tenant.slug, connection_id)


@never_cache
@require_safe
@person
def callback(request: PersonRequest) -> HttpResponse:
    """What the provider answered, taken once."""
    if any(len(values) > 1 for _name, values in request.GET.lists()):
        raise Refused(refusals.LOGIN_REFUSED)  # RFC 6749 section 3.1: no parameter more than once
    browser = request.session.get(BROWSER, "")
    if not browser:
        raise Refused(refusals.LOGIN_REFUSED)
    connection = login_finish(user=request.user, browser=browser, answer=request.GET.dict())
    with tenant_context(connection.tenant_id):
        slug = Tenant.objects.values_list("slug", flat=True).get(pk=connection.tenant_id)
        upstream = upstream_connected(connection)
    messages.success(request, f"You are connected at {urlsplit(connection.client.issuer).netloc}.")
    if upstream is None:
        return redirect("connection_list", slug)
    return redirect("source_detail", slug, upstream.endpoint.slug, upstream.slug)


@cache_control(public=True, max_age=3600)
@require_safe
def document(_request: HttpRequest) -> JsonResponse:
    """Our client ID metadata document: public, the same for everybody, read by providers."""
    return JsonResponse(client_document(document_url(), callback_url()))


def _browser(request: MemberRequest) -> str:
    """A secret of this browser session, made when it is first needed."""
    if BROWSER not in request.session:
        request.session[BROWSER] = secrets.token_urlsafe(32)
    found: str = request.session[BROWSER]
    return found


def _about(connection: Connection) -> dict[str, Any]:
    return {
        "connection": connection,
        "upstream": Upstream.objects.defer("material").filter(pk=connection.holder).first(),
        "provider": connection.client.login_host,
        "returns_to": callback_url(),
    }
