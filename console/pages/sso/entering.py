"""Coming in by single sign-on: by an address's domain, by a tenant's own address, and by its providers' answers."""

from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import anybody
from console.client_addresses import client_address
from console.leaving import leave_page
from console.pace import SSO_ANSWER, SSO_START, require_pace
from console.pages.sso.forms import DiscoverForm
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for
from tenants.models import SsoConnection, Tenant
from tenants.services.networks import require_console_address
from tenants.sso import sessions
from tenants.sso.connections import connection_for
from tenants.sso.domains import holder_of
from tenants.sso.logins import Entrance, login_begin, oidc_answered, saml_answered
from tenants.sso.pending import Pending, pending_taken

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
METHOD = "sso"

SIGN_IN_THERE = "Sign in there within ten minutes, in this browser. You come back here by yourself."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@anybody
def discover(request: HttpRequest) -> HttpResponse:
    """Asks for an address, whose domain alone says where to go on: the answer tells nothing of any account."""
    form = DiscoverForm(request.POST or None)
    if form.is_bound:
        require_pace(request, SSO_START)
    if form.is_valid():
        tenant_id = holder_of(form.cleaned_data["email"])
        found = _enabled(tenant_id) if tenant_id else []
        if tenant_id and found:
            return _offered(request, tenant_id, found)
        form.add_error("email", "Nobody has set up single sign-on for this domain. Sign in with your password.")
    return render(request, "sso/discover.html", {"form": form, "next": _onward(request)}, status=form.status)


@never_cache
@require_safe
@anybody
def direct(request: HttpRequest, tenant: str) -> HttpResponse:
    """A tenant's own address for signing in."""
    require_pace(request, SSO_START)
    tenant_id = tenant_id_for(tenant)
    found = _enabled(tenant_id)
    if not found:
        raise Refused(refusals.NOT_FOUND)
    return _offered(request, tenant_id, found)


@never_cache
@require_safe
@anybody
def begin(request: HttpRequest, tenant: str, connection_id: UUID) -> HttpResponse:
    """Goes on to one of a tenant's providers."""
    require_pace(request, SSO_START)
    return _leave(request, tenant_id_for(tenant), connection_id)


@never_cache
@require_safe
@anybody
def callback(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """What an OpenID provider answered, taken once, in the browser that asked."""
    require_pace(request, SSO_ANSWER)
    _require_address(request, tenant_id)
    if any(len(values) > 1 for _name, values in request.GET.lists()):
        raise Refused(refusals.LOGIN_REFUSED)  # RFC 6749 section 3.1: no parameter more than once
    pending = pending_taken(request.session, request.GET.get("state", ""))
    if pending is None or not _is_of(pending, tenant_id, connection_id):
        raise Refused(refusals.LOGIN_REFUSED, "This login did not begin in this browser, or took too long.")
    return _entered(request, oidc_answered(pending=pending, answer=request.GET.dict()), pending.onward)


@never_cache
@csrf_exempt
@require_POST
@anybody
def acs(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """A SAML response, which a provider's page has the browser post here.

    Browsers send no session with a post from elsewhere (SameSite=Lax). So what has no login of this session is posted
    once more, by a page of ours.
    """
    require_pace(request, SSO_ANSWER)
    with tenant_context(tenant_id):
        connection_for(connection_id)
    _require_address(request, tenant_id)
    response, state = request.POST.get("SAMLResponse", ""), request.POST.get("RelayState", "")
    if not response:
        raise Refused(refusals.LOGIN_REFUSED, "There is no SAML response in this.")
    pending = pending_taken(request.session, state)
    if pending is None and "again" not in request.POST:
        return render(request, "sso/again.html", {"response": response, "state": state})
    if pending is not None and not _is_of(pending, tenant_id, connection_id):
        raise Refused(refusals.LOGIN_REFUSED, "This login began with another provider.")
    entrance = saml_answered(tenant_id=tenant_id, connection_id=connection_id, pending=pending, response=response)
    return _entered(request, entrance, pending.onward if pending else "")


def _enabled(tenant_id: UUID) -> list[SsoConnection]:
    with tenant_context(tenant_id):
        if not Tenant.objects.filter(delete_after=None).exists():
            return []
        return list(SsoConnection.objects.filter(is_enabled=True).order_by("name", "pk"))


def _offered(request: HttpRequest, tenant_id: UUID, found: list[SsoConnection]) -> HttpResponse:
    """On to the only connection, or the choice between several."""
    _require_address(request, tenant_id)
    if len(found) == 1:
        return _leave(request, tenant_id, found[0].pk)
    with tenant_context(tenant_id):
        tenant = Tenant.objects.get()
    return render(request, "sso/choose.html", {"slug": tenant.slug, "connections": found, "next": _onward(request)})


def _leave(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    _require_address(request, tenant_id)
    url = login_begin(request.session, tenant_id=tenant_id, connection_id=connection_id, onward=_onward(request))
    return leave_page(request, url, SIGN_IN_THERE)


def _require_address(request: HttpRequest, tenant_id: UUID) -> None:
    """Raises Refused(ADDRESS_NOT_ALLOWED) where the tenant's console may not be reached from."""
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is not None:
        require_console_address(tenant, client_address(request))


def _entered(request: HttpRequest, entrance: Entrance | None, onward: str) -> HttpResponse:
    if entrance is None:
        return redirect(onward)
    _sign_in(request, entrance)
    return redirect(onward or f"/t/{entrance.tenant.slug}/")


def _sign_in(request: HttpRequest, entrance: Entrance) -> None:
    already = request.user.is_authenticated and request.user.pk == entrance.user.pk
    login(request, entrance.user, backend=BACKEND)
    record_authentication(request, entrance.user, method=METHOD)
    named = request.session.get(sessions.KEY, {})
    request.session[sessions.KEY] = {**named, str(entrance.tenant.pk): str(entrance.session.pk)}
    if not already:
        request.session.set_expiry(int(sessions.LIFETIME.total_seconds()))


def _is_of(pending: Pending, tenant_id: UUID, connection_id: UUID) -> bool:
    return (pending.tenant_id, pending.connection_id) == (str(tenant_id), str(connection_id))


def _onward(request: HttpRequest) -> str:
    """The page of ours that `next` names; "" for anything else."""
    named = request.POST.get("next", "") or request.GET.get("next", "")
    ours = named.startswith("/") and url_has_allowed_host_and_scheme(named, allowed_hosts=None)
    return named if ours else ""
