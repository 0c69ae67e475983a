"""Issuers that a tenant trusts: which, how, the state of their keys, and a token tried against one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.oauth.resources import EndpointResources
from console.pages.issuers.forms import IssuerForm, TokenForm
from console.rendering import page
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, LoginsAt
from mcp_runtime.trying import Tried, token_tried
from tenants.access import Permission
from tenants.issuers.keys import keys_renew
from tenants.issuers.refused import UNKNOWN, tokens_refused
from tenants.issuers.services import issuer_remove, issuer_set, issuer_shown, issuers_trusted
from tenants.models import Group, TrustedIssuer


@require_safe
@member(Permission.MANAGE_TENANT)
def index(request: MemberRequest) -> HttpResponse:
    """Every issuer, and which endpoints take their tokens."""
    context = {
        "issuers": list(issuers_trusted(request.actor)),
        "unknown": tokens_refused(request.actor, UNKNOWN),
        "endpoints": list(Endpoint.objects.exclude(logins=LoginsAt.OWN).order_by("name", "pk")),
    }
    return page(request, "issuers/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT, holds_context=False)
def create(request: MemberRequest) -> HttpResponse:
    """Trusts an issuer; its keys are fetched first."""
    with tenant_context(request.actor.tenant.id):
        form = IssuerForm(request.POST or None)
        valid = form.is_valid()
    if valid:
        with form.submitting():
            made = issuer_set(actor=request.actor, fields=form.issuer_fields())
            messages.success(request, f"{made.name} is trusted. Now set endpoints to take its tokens.")
            return redirect("issuer", request.actor.tenant.slug, made.pk)
    with tenant_context(request.actor.tenant.id):
        return page(request, "issuers/form.html", {"form": form}, status=form.status)


@require_safe
@member(Permission.MANAGE_TENANT)
def show(request: MemberRequest, issuer_id: UUID) -> HttpResponse:
    """One of them: how it is trusted, its keys, and a place to try a token."""
    return _page(request, issuer_shown(request.actor, issuer_id), TokenForm())


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT, holds_context=False)
def change(request: MemberRequest, issuer_id: UUID) -> HttpResponse:
    """Says anew how it is trusted."""
    with tenant_context(request.actor.tenant.id):
        issuer = issuer_shown(request.actor, issuer_id)
        form = IssuerForm.of(issuer, request.POST or None)
        valid = form.is_valid()
    if valid:
        with form.submitting():
            issuer_set(actor=request.actor, fields=form.issuer_fields(), issuer_id=issuer_id)
            messages.success(request, "Saved. Endpoints know it within a second.")
            return redirect("issuer", request.actor.tenant.slug, issuer_id)
    with tenant_context(request.actor.tenant.id):
        return page(request, "issuers/form.html", {"form": form, "issuer": issuer}, status=form.status)


@never_cache
@require_POST
@member(Permission.MANAGE_TENANT)
def try_it(request: MemberRequest, issuer_id: UUID) -> HttpResponse:
    """Tells which check a token fails, or who would come in by it. It stands on no page afterwards."""
    issuer, form = issuer_shown(request.actor, issuer_id), TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, issuer, form)
    known = EndpointResources(request.actor.tenant.id)
    tried = token_tried(issuer, form.cleaned_data["token"], lambda url: known.named(url) is not None)
    return _page(request, issuer, TokenForm(), tried)


@require_POST
@member(Permission.MANAGE_TENANT, holds_context=False)
def refresh(request: MemberRequest, issuer_id: UUID) -> HttpResponse:
    """Looks at its keys now."""
    with tenant_context(request.actor.tenant.id):
        issuer_shown(request.actor, issuer_id)
    if keys_renew(request.actor.tenant.id, issuer_id):
        messages.success(request, "Its keys are read.")
    else:
        messages.error(request, "Its keys could not be read. Those that are known stay.")
    return redirect("issuer", request.actor.tenant.slug, issuer_id)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def remove(request: MemberRequest, issuer_id: UUID) -> HttpResponse:
    """Asks once, then trusts it no more."""
    issuer = issuer_shown(request.actor, issuer_id)
    if request.method == "POST":
        issuer_remove(actor=request.actor, issuer_id=issuer_id)
        messages.success(request, f"{issuer.name} is trusted no more.")
        return redirect("issuer_list", request.actor.tenant.slug)
    return page(request, "issuers/remove.html", {"issuer": issuer})


def _page(request: MemberRequest, issuer: TrustedIssuer, form: TokenForm, tried: Tried | None = None) -> HttpResponse:
    groups = Group.objects.filter(pk__in=tried.groups).order_by("name") if tried else []
    context = {"issuer": issuer, "form": form, "tried": tried, "groups": [group.name for group in groups]}
    context["refused"] = tokens_refused(request.actor, issuer.pk)
    return page(request, "issuers/show.html", context, status=form.status)
