"""Revoking connections, one or everything, and the receipts of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from billing.entitlements import Limit, limit
from console.access import MemberRequest, member
from console.pages.connections.revoke_form import RevokeForm
from console.rendering import page, rows_of
from tenants.access import Permission
from tenants.models import Revocation
from tenants.vault.revocations import connection_delete, connection_disconnect
from tenants.vault.selectors import connection_shown, connections_visible, receipts_visible


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.CALL_TOOLS)
def disconnect(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Asks once, then takes a connection out of use; it can be connected again."""
    context = _about(request, connection_id)
    if request.method == "POST":
        return _done(request, connection_disconnect(actor=request.actor, connection_id=connection_id))
    return page(request, "connections/disconnect.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.CALL_TOOLS)
def delete(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Asks once, then revokes and removes a connection."""
    context = _about(request, connection_id)
    if request.method == "POST":
        return _done(request, connection_delete(actor=request.actor, connection_id=connection_id))
    return page(request, "connections/delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.CALL_TOOLS)
def everything(request: MemberRequest) -> HttpResponse:
    """Everything of the tenant, at one provider or of one member, in one act."""
    form = RevokeForm(request.actor, list(connections_visible(request.actor)), request.POST or None)
    if form.is_valid():
        with form.submitting():
            return _done(request, form.revoked())
    return page(request, "connections/revoke.html", {"form": form}, status=form.status)


@require_safe
@member(Permission.VIEW)
def receipts(request: MemberRequest) -> HttpResponse:
    """What was revoked, when, by whom, and what the provider said."""
    rows = rows_of(request, receipts_visible(request.actor))
    days = limit(request.actor.tenant.id, Limit.USAGE_DAYS)
    return page(request, "connections/receipts.html", {"rows": rows, "days": days})


def _about(request: MemberRequest, connection_id: UUID) -> dict[str, Any]:
    return {"connection": connection_shown(request.actor, connection_id)}


def _done(request: MemberRequest, made: list[Revocation]) -> HttpResponse:
    count = len(made)
    said = "Nothing was connected." if not count else f"{count} disconnected: out of use now, the provider is told."
    messages.success(request, said)
    return redirect("connection_receipts" if count else "connection_list", request.actor.tenant.slug)
