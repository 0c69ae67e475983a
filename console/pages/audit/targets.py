"""Webhooks that get the audit log: add, exchange the secret, remove."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.entitlements import Right
from billing.lifting import lack_of
from console.access import MemberRequest, member
from console.pages.audit.forms import TargetForm
from console.rendering import page
from tenants.access import Permission
from tenants.audit.targets import target_create, target_delete, target_for, target_rotate


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def create(request: MemberRequest) -> HttpResponse:
    """One more. Its secret is in the answer to this one request and nowhere else."""
    form = TargetForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            target, secret = target_create(actor=request.actor, **form.cleaned_data)
            return page(request, "audit/secret.html", {"target": target, "secret": secret})
    context = {"form": form, "lack": lack_of(request.actor.tenant.id, Right.AUDIT_EXPORT)}
    return page(request, "audit/target_create.html", context, status=form.status)


@never_cache
@require_POST
@member(Permission.MANAGE_TENANT)
def rotate(request: MemberRequest, target_id: UUID) -> HttpResponse:
    """A new secret, beside which the former one signs until the next."""
    secret = target_rotate(actor=request.actor, target_id=target_id)
    return page(request, "audit/secret.html", {"target": target_for(target_id), "secret": secret})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def remove(request: MemberRequest, target_id: UUID) -> HttpResponse:
    """Asks once, then sends it nothing more."""
    target = target_for(target_id)
    if request.method == "POST":
        target_delete(actor=request.actor, target_id=target_id)
        messages.success(request, f"{target.name} gets nothing more.")
        return redirect("audit_log", request.actor.tenant.slug)
    return page(request, "audit/target_remove.html", {"target": target})
