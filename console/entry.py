"""What a tenant asks of a session before its holder enters: single sign-on, a second step; where that is to be had."""

from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.urls import reverse

from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.models import User
from tenants.services.sessions import session_is_over
from tenants.sso.policy import Demand, SignedIn, demand_of
from tenants.sso.sessions import named_in


def demanded_of(request: HttpRequest, actor: Actor) -> Demand | None:
    """What the session of a request lacks before its member may enter; None for nothing. Opens a context of its own."""
    with tenant_context(actor.tenant.id):
        if session_is_over(actor, request.session.session_key or ""):
            return Demand.SESSION
    return demand_of(actor.tenant, actor.role, signed_in(request, actor.user, actor.tenant.id))


def signed_in(request: HttpRequest, user: User | None, tenant_id: UUID) -> SignedIn:
    """How the session of a request came about, as far as a tenant asks."""
    by_mfa = any(record.get("method") == "mfa" for record in get_authentication_records(request, user))
    return SignedIn(by_sso=tenant_id in named_in(request.session), by_mfa=by_mfa)


def met_at(request: HttpRequest, actor: Actor, demand: Demand, back: str) -> str:
    """Where a person goes to meet a demand; `back` is where they wanted to be."""
    if demand is Demand.SESSION:
        # The one that follows is a new one everywhere: a session is one browser's, and not one tenant's.
        logout(request)
        return redirect_to_login(back).url
    query = urlencode({"next": back})
    if demand is Demand.SSO:
        return f"{reverse('sso_direct', args=[actor.tenant.slug])}?{query}"
    if actor.user is not None and is_mfa_enabled(actor.user, types=[Authenticator.Type.WEBAUTHN]):
        return f"{reverse('mfa_reauthenticate_webauthn')}?{query}"
    if actor.user is not None and is_mfa_enabled(actor.user, types=[Authenticator.Type.TOTP]):
        return f"{reverse('mfa_reauthenticate')}?{query}"
    sentence = f"{actor.tenant.name} asks its members for a second step. Set one up here, then go back there."
    messages.warning(request, sentence)
    return reverse("mfa_index")
