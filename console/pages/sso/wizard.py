"""The way from a new connection to one that is in use; for a member, and for whoever holds a setup link."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from console.access import MemberRequest, anybody, member
from console.client_addresses import client_address
from console.leaving import leave_page
from console.pages.sso.entering import SIGN_IN_THERE
from console.pages.sso.forms import AdmissionForm, KindForm, OidcForm, SamlForm, provider_form
from console.rendering import page
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.models import SsoConnection, SsoKind
from tenants.services.networks import require_console_address
from tenants.sso import addresses
from tenants.sso import connections as services
from tenants.sso.connections import Configurer, configurer, connection_for, is_configured
from tenants.sso.logins import login_begin
from tenants.sso.refreshing import refreshed
from tenants.sso.saml.config import own_addresses
from tenants.sso.saml.keys import fingerprint
from tenants.sso.setup_links import setup_link_make, setup_link_opened, setup_link_revoke, setup_links_open


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT, holds_context=False)
def show(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """All steps on one page; a POST says which provider it is."""
    by = configurer(request.actor)
    form = _configured(request, by, connection_id)
    if form is None:
        return redirect("sso_connection", by.tenant.slug, connection_id)
    with tenant_context(by.tenant.id):
        return _page(request, connection_id, form=form)


@require_POST
@member(Permission.MANAGE_TENANT, holds_context=False)
def try_it(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """A real login that lets nobody in and says what came."""
    onward = reverse("sso_connection", args=[request.actor.tenant.slug, connection_id])
    return _trial(request, configurer(request.actor), connection_id, onward)


@require_POST
@member(Permission.MANAGE_TENANT)
def admission(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Says who people become."""
    form = AdmissionForm(connection_for(connection_id).kind, request.POST)
    if form.is_valid():
        with form.submitting():
            services.connection_set_admission(
                actor=request.actor, connection_id=connection_id, admission=form.admission()
            )
            messages.success(request, "Saved.")
            return redirect("sso_connection", request.actor.tenant.slug, connection_id)
    return _page(request, connection_id, admission_form=form)


@require_POST
@member(Permission.TRANSFER_OR_DELETE)
def switch(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Puts a connection into use, or out of it."""
    if request.POST.get("on"):
        services.connection_enable(actor=request.actor, connection_id=connection_id)
        messages.success(request, "People come in by it now.")
    else:
        services.connection_disable(actor=request.actor, connection_id=connection_id)
        messages.success(request, "Nobody comes in by it any more, and its sessions have ended.")
    return redirect("sso_connection", request.actor.tenant.slug, connection_id)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def delete(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Asks once, then removes a connection."""
    connection = connection_for(connection_id)
    if request.method == "POST":
        services.connection_delete(actor=request.actor, connection_id=connection_id)
        messages.success(request, f"Connection {connection.name} is removed.")
        return redirect("sso", request.actor.tenant.slug)
    return page(request, "sso/delete.html", {"connection": connection})


@require_POST
@member(Permission.MANAGE_TENANT, holds_context=False)
def refresh(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Looks at the provider's metadata now."""
    configurer(request.actor)
    changed = refreshed(request.actor.tenant.id, connection_id)
    messages.success(request, "They changed, and are taken over." if changed else "We looked: nothing to take over.")
    return redirect("sso_connection", request.actor.tenant.slug, connection_id)


@never_cache
@require_POST
@member(Permission.MANAGE_TENANT)
def link_make(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """A setup link. It is in the answer to this one request and nowhere else."""
    url = setup_link_make(actor=request.actor, connection_id=connection_id)
    return page(request, "sso/link.html", {"url": url, "connection": connection_for(connection_id)})


@require_POST
@member(Permission.MANAGE_TENANT)
def link_revoke(request: MemberRequest, connection_id: UUID, link_id: UUID) -> HttpResponse:
    """Makes a setup link useless."""
    setup_link_revoke(actor=request.actor, connection_id=connection_id, link_id=link_id)
    messages.success(request, "The link is revoked.")
    return redirect("sso_connection", request.actor.tenant.slug, connection_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@anybody
def setup(request: HttpRequest, tenant: str, token: str) -> HttpResponse:
    """The same steps for the holder of a link, without what is a member's to decide."""
    by, connection_id = _opened(request, tenant, token)
    form = _configured(request, by, connection_id)
    if form is None:
        return redirect("sso_setup", tenant, token)
    with tenant_context(by.tenant.id):
        connection = connection_for(connection_id)
        context = _shown(connection) | {"form": form, "kind_form": KindForm(initial={"kind": connection.kind})}
        context |= {"tenant_name": by.tenant.name, "slug": tenant, "token": token}
        return render(request, "sso/setup.html", context, status=form.status)


@require_POST
@anybody
def setup_kind(request: HttpRequest, tenant: str, token: str) -> HttpResponse:
    """Begins anew with a provider of another kind."""
    by, connection_id = _opened(request, tenant, token)
    with tenant_context(by.tenant.id):
        services.connection_change_kind(by=by, connection_id=connection_id, kind=request.POST.get("kind", ""))
    return redirect("sso_setup", tenant, token)


@require_POST
@anybody
def setup_try(request: HttpRequest, tenant: str, token: str) -> HttpResponse:
    """A real login that lets nobody in and says what came."""
    by, connection_id = _opened(request, tenant, token)
    return _trial(request, by, connection_id, reverse("sso_setup", args=[tenant, token]))


def _opened(request: HttpRequest, tenant: str, token: str) -> tuple[Configurer, UUID]:
    """What a link lets its holder do, from where the tenant's console may be reached. Raises Refused."""
    by, connection_id = setup_link_opened(slug=tenant, token=token)
    require_console_address(by.tenant, client_address(request))
    return by, connection_id


def _configured(request: HttpRequest, by: Configurer, connection_id: UUID) -> OidcForm | SamlForm | None:
    """The provider's form as it is to be shown; None when what was typed is stored."""
    with tenant_context(by.tenant.id):
        connection = connection_for(connection_id)
    form = provider_form(connection, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with form.submitting():
            services.connection_configure(by=by, connection_id=connection_id, draft=form.cleaned_data)
            messages.success(request, "Stored. Now try a login.")
            return None
    return form


def _trial(request: HttpRequest, by: Configurer, connection_id: UUID, onward: str) -> HttpResponse:
    url = login_begin(
        request.session, tenant_id=by.tenant.id, connection_id=connection_id, onward=f"{onward}#trial", is_trial=True
    )
    return leave_page(request, url, SIGN_IN_THERE)


def _page(
    request: MemberRequest,
    connection_id: UUID,
    *,
    form: OidcForm | SamlForm | None = None,
    admission_form: AdmissionForm | None = None,
) -> HttpResponse:
    connection = connection_for(connection_id)
    form = form or provider_form(connection)
    admission_form = admission_form or AdmissionForm.of(connection)
    context = _shown(connection) | {
        "form": form,
        "admission_form": admission_form,
        "links": setup_links_open(connection_id),
        "is_owner": request.actor.may(Permission.TRANSFER_OR_DELETE),
    }
    return page(request, "sso/connection.html", context, status=max(form.status, admission_form.status))


def _shown(connection: SsoConnection) -> dict[str, Any]:
    """What both ways of setting up show of a connection."""
    where = (connection.tenant_id, connection.pk)
    if connection.kind == SsoKind.OIDC:
        values = [
            ("Redirect URI", addresses.callback(*where)),
            ("Back-channel logout URI", addresses.backchannel(*where)),
            ("Post-logout redirect URI", addresses.signed_out()),
        ]
    else:
        places = own_addresses(connection)
        values = [
            ("Entity ID, and address of our metadata", places["metadata"]),
            ("Assertion consumer service (HTTP-POST)", places["acs"]),
            ("Single logout service (HTTP-Redirect or HTTP-POST)", places["slo"]),
        ]
    certificates, own = connection.config.get("certificates", []), connection.config.get("own_certificate", "")
    return {
        "connection": connection,
        "values": values,
        "is_configured": is_configured(connection),
        "fingerprints": [fingerprint(text) for text in certificates],
        "encryption": fingerprint(own) if own else "",
        "trial": connection.trial,
    }
