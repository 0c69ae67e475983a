"""Alerts: who is told, add, test, exchange the secret, remove."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.alerts.forms import ChannelForm
from console.rendering import page
from mcp_runtime.models import AlertChannel
from mcp_runtime.services.alerts import channel_create, channel_delete, channel_for, channel_rotate, channel_test
from tenants.access import Permission


@require_safe
@member(Permission.EDIT_ENDPOINTS)
def index(request: MemberRequest) -> HttpResponse:
    """Everybody who is told."""
    return page(request, "alerts/index.html", {"channels": AlertChannel.objects.order_by("name")})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def create(request: MemberRequest) -> HttpResponse:
    """One more. A webhook's secret is in the answer to this one request and nowhere else."""
    form = ChannelForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            channel, secret = channel_create(actor=request.actor, **form.cleaned_data)
            if secret:
                return page(request, "alerts/secret.html", {"channel": channel, "secret": secret})
            messages.success(request, f"{channel.name} is told from now on.")
            return redirect("alert_list", request.actor.tenant.slug)
    return page(request, "alerts/create.html", {"form": form}, status=form.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def test(request: MemberRequest, channel_id: UUID) -> HttpResponse:
    """Sends a test."""
    channel_test(actor=request.actor, channel_id=channel_id)
    messages.success(request, "A test is sent within a few seconds. Reload to see what came of it.")
    return redirect("alert_list", request.actor.tenant.slug)


@never_cache
@require_POST
@member(Permission.EDIT_ENDPOINTS)
def rotate(request: MemberRequest, channel_id: UUID) -> HttpResponse:
    """A new secret, beside which the former one signs until the next."""
    secret = channel_rotate(actor=request.actor, channel_id=channel_id)
    return page(request, "alerts/secret.html", {"channel": channel_for(channel_id), "secret": secret})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def remove(request: MemberRequest, channel_id: UUID) -> HttpResponse:
    """Asks once, then tells them no more."""
    channel = channel_for(channel_id)
    if request.method == "POST":
        channel_delete(actor=request.actor, channel_id=channel_id)
        messages.success(request, f"{channel.name} is told no more.")
        return redirect("alert_list", request.actor.tenant.slug)
    return page(request, "alerts/remove.html", {"channel": channel})
