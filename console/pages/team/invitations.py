"""Invitations: send, withdraw, accept."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from console.access import MemberRequest, PersonRequest, member, person
from console.pages.team.forms import InvitationForm
from console.pages.team.views import team_page
from core import refusals
from core.refusals import Refused
from tenants.access import Permission
from tenants.services.members import invitation_accept, invitation_for, invitation_withdraw, member_invite


@require_POST
@member(Permission.MANAGE_MEMBERS)
def invite(request: MemberRequest) -> HttpResponse:
    """Invites an address by mail."""
    form = InvitationForm(request.actor, request.POST)
    if form.is_valid():
        with form.submitting():
            invitation = member_invite(actor=request.actor, **form.cleaned_data)
            messages.success(request, f"{invitation.email} is invited by mail. The link works for 7 days.")
            return redirect("team", request.actor.tenant.slug)
    return team_page(request, form)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def withdraw(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
    """Makes an invitation's link useless."""
    invitation_withdraw(actor=request.actor, invitation_id=invitation_id)
    messages.success(request, "The invitation is withdrawn. Its link no longer works.")
    return redirect("team", request.actor.tenant.slug)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, slug: str, token: str) -> HttpResponseBase:
    """What an invitation's link opens. Who is signed out signs in or up first, and comes back."""
    try:
        invitation = invitation_for(slug=slug, token=token)
    except Refused:
        # An unknown tenant and a used link look alike: the link says nothing about who exists.
        return render(request, "team/invitation_expired.html", {"advice": refusals.EXPIRED.advice}, status=410)
    if not request.user.is_authenticated:
        return render(request, "team/invitation.html", {"invitation": invitation, "signed_out": True})
    return _answer(request, slug=slug, token=token)


@person
def _answer(request: PersonRequest, slug: str, token: str) -> HttpResponse:
    invitation = invitation_for(slug=slug, token=token)
    if invitation.email != request.user.email:
        return render(request, "team/invitation.html", {"invitation": invitation, "wrong_address": True}, status=403)
    if request.method == "POST":
        membership = invitation_accept(user=request.user, slug=slug, token=token)
        messages.success(request, f"You are a member of {invitation.tenant.name} now.")
        return redirect("overview", membership.tenant.slug)
    return render(request, "team/invitation.html", {"invitation": invitation})
