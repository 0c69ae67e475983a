"""A tenant's page of single sign-on: its connections, its domains, and what it asks of its members."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.entitlements import Right
from billing.lifting import lack_of
from console.access import MemberRequest, member
from console.pages.sso.forms import ConnectionForm, DomainForm, PolicyForm
from console.rendering import page
from core import refusals
from core.refusals import Refused
from mcp_runtime.services.telling import tell_board
from tenants.access import Permission
from tenants.models import SsoConnection, SsoDomain
from tenants.sso.connections import connection_create, is_configured
from tenants.sso.domains import domain_add, domain_remove, domain_verify, proof_of
from tenants.sso.policy import affected, policy_set


@require_safe
@member(Permission.MANAGE_TENANT)
def index(request: MemberRequest) -> HttpResponse:
    """Everything at a glance."""
    return _page(request)


@require_POST
@member(Permission.MANAGE_TENANT)
def domain_new(request: MemberRequest) -> HttpResponse:
    """Claims a domain; the page then says which record to make."""
    form = DomainForm(request.POST)
    if form.is_valid():
        with form.submitting():
            domain = domain_add(actor=request.actor, name=form.cleaned_data["name"])
            messages.success(request, f"Now prove that {domain.name} is yours.")
            return redirect("sso", request.actor.tenant.slug)
    return _page(request, domain_form=form)


@require_POST
@member(Permission.MANAGE_TENANT, holds_context=False)
def domain_check(request: MemberRequest, domain_id: UUID) -> HttpResponse:
    """Looks for the record; what was found instead is said on the page."""
    try:
        domain = domain_verify(actor=request.actor, domain_id=domain_id)
        messages.success(request, f"{domain.name} is verified.")
    except Refused as refused:
        if refused.refusal not in {refusals.CONFLICT, refusals.TEMPORARILY_UNAVAILABLE}:
            raise
        messages.error(request, str(refused))
    return redirect("sso", request.actor.tenant.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def domain_delete(request: MemberRequest, domain_id: UUID) -> HttpResponse:
    """Asks once, then gives a domain up."""
    if request.method == "POST":
        domain_remove(actor=request.actor, domain_id=domain_id)
        messages.success(request, "The domain is given up.")
        return redirect("sso", request.actor.tenant.slug)
    domain = SsoDomain.objects.filter(pk=domain_id).first()
    if domain is None:
        raise Refused(refusals.NOT_FOUND)
    return page(request, "sso/domain_delete.html", {"domain": domain})


@require_POST
@member(Permission.TRANSFER_OR_DELETE)
def policy(request: MemberRequest) -> HttpResponse:
    """Says how members have to have signed in."""
    form = PolicyForm(request.POST)
    if form.is_valid():
        with form.submitting():
            policy_set(actor=request.actor, **form.cleaned_data)
            tell_board(request.actor.tenant.id)
            messages.success(request, "Saved. It holds from the next page of every session on.")
            return redirect("sso", request.actor.tenant.slug)
    return _page(request, policy_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def create(request: MemberRequest) -> HttpResponse:
    """The first step: which kind of provider, under which name."""
    form = ConnectionForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            made = connection_create(actor=request.actor, **form.cleaned_data)
            return redirect("sso_connection", request.actor.tenant.slug, made.pk)
    context = {"form": form, "lack": lack_of(request.actor.tenant.id, Right.SSO)}
    return page(request, "sso/create.html", context, status=form.status)


def _page(
    request: MemberRequest, *, domain_form: DomainForm | None = None, policy_form: PolicyForm | None = None
) -> HttpResponse:
    tenant = request.actor.tenant
    said = {name: getattr(tenant, name) for name in PolicyForm.base_fields}
    policy_form, domain_form = policy_form or PolicyForm(initial=said), domain_form or DomainForm()
    connections = list(SsoConnection.objects.order_by("name", "pk"))
    domains = list(SsoDomain.objects.order_by("name"))
    context = {
        "connections": [(connection, is_configured(connection)) for connection in connections],
        "domains": [(domain, proof_of(domain)) for domain in domains],
        "lack": lack_of(tenant.id, Right.SSO),
        "domain_form": domain_form,
        "policy_form": policy_form,
        "affected": None if tenant.requires_sso else affected(),
        "works": any(connection.is_enabled for connection in connections),
    }
    status = max(domain_form.status, policy_form.status)
    return page(request, "sso/index.html", context, status=status)
