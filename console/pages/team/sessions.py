"""Sessions in which members have been here: see, end."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from console.access import MemberRequest, member
from console.rendering import page, rows_of
from mcp_runtime.services.telling import tell_board
from tenants.access import Permission
from tenants.services.sessions import member_session_end, member_sessions


@require_safe
@member(Permission.MANAGE_MEMBERS)
def index(request: MemberRequest) -> HttpResponse:
    """Every session, the last used first."""
    return page(request, "team/sessions.html", {"rows": rows_of(request, member_sessions(request.actor))})


@require_POST
@member(Permission.MANAGE_MEMBERS)
def end(request: MemberRequest, session_id: UUID) -> HttpResponse:
    """Signs a member out of one."""
    member_session_end(actor=request.actor, session_id=session_id)
    tell_board(request.actor.tenant.id)
    messages.success(request, "The session is ended.")
    return redirect("member_sessions", request.actor.tenant.slug)
