"""Signing out across both sides, and what providers read of us."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import anybody
from core import refusals
from core.crypto import Forged
from core.envelope import KeyGone
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import SsoKind
from tenants.sso.connections import connection_for
from tenants.sso.logouts import backchannel_logout, saml_requested, saml_responded
from tenants.sso.pending import pending_taken
from tenants.sso.saml.config import own_metadata
from tenants.sso.saml.documents import MAXIMUM_BYTES
from tenants.sso.saml.own_logout import Message
from tenants.sso.sign_out import LEAVING
from tenants.vault.keyrings import keyring_for_opening

SAML_METADATA = "application/samlmetadata+xml"
LONGEST_TOKEN = 16_384


@never_cache
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Where a person is after signing out; goes on to sign them out at their provider, where there is one."""
    left = request.session.pop(LEAVING, None)
    if left is None:
        return render(request, "sso/signed_out.html", {"left": None})
    return _leads_on(request, Message(left["url"], left["fields"]), left["name"])


@never_cache
@csrf_exempt
@require_POST
def backchannel(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """A logout token, which an OpenID provider posts by itself (Back-Channel Logout 1.0 sections 2.5 to 2.8)."""
    token = request.POST.get("logout_token", "")
    try:
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise Refused(refusals.LOGIN_REFUSED, "There is no logout token in this.")
        backchannel_logout(tenant_id=tenant_id, connection_id=connection_id, token=token)
    except Refused as refused:
        status = 404 if refused.refusal is refusals.NOT_FOUND else 400
        body = {"error": "invalid_request", "error_description": str(refused)}
        return JsonResponse(body, status=status)
    return HttpResponse(status=200)


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@anybody
def slo(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """A logout request of a SAML provider's, or its answer to ours, which a browser carries here in a query or a form.

    Browsers send no session with a form from elsewhere (SameSite=Lax), so that an answer in one is posted once more by
    a page of ours.
    """
    told, raw = request.GET, request.META.get("QUERY_STRING", "")
    if request.method == "POST":
        told, raw = request.POST, None
    said, twice = told.dict(), any(len(values) > 1 for _name, values in told.lists())
    if twice or len(raw or "") > MAXIMUM_BYTES or ("SAMLRequest" in said) is ("SAMLResponse" in said):
        raise Refused(refusals.LOGIN_REFUSED, "This holds neither a logout request nor the answer to one.")
    if "SAMLRequest" in said:
        answer = saml_requested(tenant_id=tenant_id, connection_id=connection_id, said=said, raw_query=raw)
        if answer.fields:
            return _leads_on(request, answer, urlsplit(answer.url).netloc)
        return redirect(answer.url or "sso_signed_out")
    pending = pending_taken(request.session, said.get("RelayState", ""))
    if pending is None and raw is None and "again" not in said:
        again = {"response": said["SAMLResponse"], "state": said.get("RelayState", ""), "leaving": True}
        return render(request, "sso/again.html", again)
    saml_responded(tenant_id=tenant_id, connection_id=connection_id, pending=pending, said=said, raw_query=raw)
    return redirect("sso_signed_out")


def _leads_on(request: HttpRequest, message: Message, name: str) -> HttpResponse:
    """A page that carries a message to the provider by itself: it alone may send a form elsewhere."""
    told = {"left": {"url": message.url, "fields": message.fields, "name": name}}
    # The provider may lead the form on to other hosts of its own, which browsers hold to the same directive.
    places = [CSP.SELF, *([f"{urlsplit(message.url).scheme}:"] if message.fields else [])]
    policy: dict[str, Any] = settings.SECURE_CSP | {"form-action": places}
    shown = csp_override(policy)(render)
    return shown(request, "sso/signed_out.html", told)


@require_safe
@anybody
def metadata(_request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """The service provider's metadata: public, and the address is unguessable all the same."""
    with tenant_context(tenant_id):
        connection = connection_for(connection_id)
        if connection.kind != SsoKind.SAML:
            raise Refused(refusals.NOT_FOUND)
        try:
            text = own_metadata(connection, keyring_for_opening(tenant_id))
        except (Forged, KeyGone):
            raise Refused(refusals.NOT_FOUND) from None
    return HttpResponse(text, content_type=SAML_METADATA)
