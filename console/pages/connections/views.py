"""Connections: who is connected to what since when; a new one; which one calls use."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.connections.forms import ConnectForm
from console.rendering import page, rows_of
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Upstream
from mcp_runtime.services.connecting import upstream_connect
from tenants.access import Permission
from tenants.models import GrantType
from tenants.vault.connections import connection_choose, may_log_in
from tenants.vault.selectors import connections_visible


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest) -> HttpResponse:
    """Every connection that the actor may see."""
    rows = rows_of(request, connections_visible(request.actor))
    named = {upstream.pk: upstream for upstream in _upstreams()}
    entries = [(connection, named.get(connection.holder), may_log_in(request.actor, connection)) for connection in rows]
    context = {"rows": rows, "entries": entries, "connectable": bool(named)}
    return page(request, "connections/index.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.CALL_TOOLS, holds_context=False)
def create(request: MemberRequest) -> HttpResponse:
    """Asks what to connect, finds its provider, and goes on to the login where there is one."""
    with tenant_context(request.actor.tenant.id):
        upstreams = _upstreams()
        subjects = list(connections_visible(request.actor).exclude(grant_type=GrantType.EXCHANGE))
    initial = {"upstream": request.GET.get("upstream", "")}
    form = ConnectForm(upstreams, subjects, request.POST or None, initial=initial)
    if form.is_valid() and (answer := _connected(request, form)) is not None:
        return answer
    with tenant_context(request.actor.tenant.id):
        return page(request, "connections/create.html", {"form": form, "upstreams": upstreams}, status=form.status)


def _connected(request: MemberRequest, form: ConnectForm) -> HttpResponse | None:
    """Where a new connection leads; None when the form says what was refused."""
    try:
        with form.submitting():
            made = upstream_connect(actor=request.actor, upstream_id=form.upstream_id, fields=form.connect_fields())
            if made.grant_type == GrantType.CODE:
                return redirect("connection_connect", request.actor.tenant.slug, made.pk)
            messages.success(request, "It is connected.")
            return redirect("connection_list", request.actor.tenant.slug)
    except Refused as refused:
        if refused.refusal is not refusals.PROVIDER_REFUSED:
            raise
        form.refuse(refused)  # what was typed stays, with what the provider said above it
    return None


@require_POST
@member(Permission.CALL_TOOLS)
def choose(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Has calls use this one of an upstream's."""
    connection_choose(actor=request.actor, connection_id=connection_id)
    messages.success(request, "Calls use this connection now.")
    return redirect("connection_list", request.actor.tenant.slug)


def _upstreams() -> list[Upstream]:
    return list(Upstream.objects.defer("material").select_related("endpoint").order_by("name", "pk"))
