"""Host names of a tenant: the platform's for it, those that it brings along, and what is at each."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.hosts.forms import ClaimForm, DefaultForm
from console.rendering import page
from core import refusals
from core.refusals import Refused
from mcp_runtime.host_selectors import HOME, default_endpoint, hosts_with_endpoints
from mcp_runtime.services.hosts import default_set, host_claim, host_for, host_release, host_verify, proof_of
from tenants.access import Permission
from tenants.hosts.directory import hosting


@require_safe
@member(Permission.MANAGE_TENANT)
def index(request: MemberRequest) -> HttpResponse:
    """Everything at a glance."""
    return _page(request)


@require_POST
@member(Permission.MANAGE_TENANT)
def claim(request: MemberRequest) -> HttpResponse:
    """Claims a name; the page then says which record to make."""
    form = ClaimForm(request.POST)
    if form.is_valid():
        with form.submitting():
            said = form.cleaned_data
            host = host_claim(actor=request.actor, name=said["name"], endpoint_slug=said["endpoint"])
            messages.success(request, f"Now prove that {host.name} is yours.")
            return redirect("host_list", request.actor.tenant.slug)
    return _page(request, claim_form=form)


@require_POST
@member(Permission.MANAGE_TENANT)
def default(request: MemberRequest) -> HttpResponse:
    """Chooses what is at the tenant's own host."""
    form = DefaultForm(request.POST)
    if form.is_valid():
        with form.submitting():
            default_set(actor=request.actor, endpoint_slug=form.cleaned_data["endpoint"])
            messages.success(request, "It is there within a second.")
            return redirect("host_list", request.actor.tenant.slug)
    return _page(request, default_form=form)


@require_POST
@member(Permission.MANAGE_TENANT, holds_context=False)
def check(request: MemberRequest, host_id: UUID) -> HttpResponse:
    """Looks for the record; what was found instead is said on the page."""
    try:
        host = host_verify(actor=request.actor, host_id=host_id)
        messages.success(request, f"{host.name} is verified.")
    except Refused as refused:
        if refused.refusal not in {refusals.CONFLICT, refusals.TEMPORARILY_UNAVAILABLE}:
            raise
        messages.error(request, str(refused))
    return redirect("host_list", request.actor.tenant.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def release(request: MemberRequest, host_id: UUID) -> HttpResponse:
    """Asks once, then gives a name up."""
    if request.method == "POST":
        host_release(actor=request.actor, host_id=host_id)
        messages.success(request, "The host is given up.")
        return redirect("host_list", request.actor.tenant.slug)
    return page(request, "hosts/release.html", {"host": host_for(host_id)})


def _page(
    request: MemberRequest, *, claim_form: ClaimForm | None = None, default_form: DefaultForm | None = None
) -> HttpResponse:
    where, chosen = hosting(), default_endpoint()
    own = where.host_of(request.actor.tenant.slug)
    claim_form = claim_form or ClaimForm()
    default_form = default_form or DefaultForm(initial={"endpoint": chosen.slug if chosen else ""})
    context = {
        "own_url": where.url(own) if own else "",
        "default_url": where.url(own, HOME) if own else "",
        "chosen": chosen,
        "hosts": [
            (host, endpoint, where.url(host.name, HOME), proof_of(host)) for host, endpoint in hosts_with_endpoints()
        ],
        "claim_form": claim_form,
        "default_form": default_form,
    }
    return page(request, "hosts/index.html", context, status=max(claim_form.status, default_form.status))
