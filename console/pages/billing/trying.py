"""Trying a plan for a time, without paying."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from billing.trials import TRIAL, trial_start
from console.access import MemberRequest, member
from tenants.access import Permission


@require_POST
@member(Permission.MANAGE_BILLING)
def begin(request: MemberRequest) -> HttpResponse:
    """Begins the trial."""
    held = trial_start(actor=request.actor)
    messages.success(request, f"You have {held.title} for {TRIAL.days} days. Nothing has to be cancelled.")
    return redirect("billing", request.actor.tenant.slug)
