"""The board, and what can be done from it: stop an endpoint, let it go on, look at an upstream, put one back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.live.forms import StopForm
from console.rendering import page
from mcp_runtime.board_selectors import RECENT, board, health_events_latest
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.health import upstream_look, upstream_release
from mcp_runtime.services.stopping import endpoint_resume, endpoint_stop
from tenants.access import Permission


@require_safe
@member(Permission.VIEW)
def show(request: MemberRequest) -> HttpResponse:
    """Everything, as it is now; for a board that is open already, only what may have changed."""
    now = timezone.now()
    context = {"lines": board(now), "events": health_events_latest(), "now": now, "minutes": RECENT.seconds // 60}
    return page(request, "live/show.html#board" if request.htmx else "live/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def stop(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Asks what callers are told, then stops the endpoint."""
    found = endpoint_for(endpoint)
    form = StopForm(request.POST or None, initial={"message": found.stopped_message})
    if form.is_valid():
        with form.submitting():
            endpoint_stop(actor=request.actor, endpoint_slug=endpoint, message=form.cleaned_data["message"])
            messages.success(request, f"Endpoint {found.name} is stopped. Its callers read your message.")
            return redirect("board", request.actor.tenant.slug)
    return page(request, "live/stop.html", {"endpoint": found, "form": form}, status=form.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def resume(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Lets the endpoint go on."""
    found = endpoint_resume(actor=request.actor, endpoint_slug=endpoint)
    messages.success(request, f"Endpoint {found.name} goes on.")
    return redirect("board", request.actor.tenant.slug)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def look(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Has an upstream looked at now."""
    found = upstream_look(actor=request.actor, endpoint_slug=endpoint, slug=upstream)
    messages.success(request, f"{found.name} is looked at within a few seconds.")
    return redirect("board", request.actor.tenant.slug)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def release(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Puts an upstream back into service, once a look at it went well."""
    found = upstream_release(actor=request.actor, endpoint_slug=endpoint, slug=upstream)
    messages.success(request, f"{found.name} is looked at now, and is back in service if that goes well.")
    return redirect("board", request.actor.tenant.slug)
