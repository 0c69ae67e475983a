"""The pages on which a person lets a client in: the authorization endpoint, its question, and where the answer goes."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from console.access import PersonRequest, person
from console.client_addresses import client_address
from console.entry import demanded_of, met_at, signed_in
from console.oauth.resources import EndpointResources
from core.acting import act_as
from core.tenancy import tenant_context
from tenants.access import actor_for
from tenants.authorization import consents, redirects, scopes
from tenants.authorization.asked import Asked, single
from tenants.authorization.authorizing import Intent, Unanswerable, intent_of
from tenants.authorization.documents import DocumentRefused, known_client
from tenants.authorization.issuers import endpoints_of, issuer_of
from tenants.authorization.resources import Resource
from tenants.authorization.server import Answer, Server
from tenants.models import Membership, Tenant
from tenants.services.networks import require_console_address

ALLOW = "allow"


@never_cache
@require_GET
@person
def authorize(request: PersonRequest, tenant_id: UUID) -> HttpResponse:
    """RFC 6749 section 3.1: asks the person, unless they have allowed just this before."""
    tenant = _tenant(request, tenant_id)
    if tenant is None:
        return _stranger(request)
    if (elsewhere := sent_first(request, tenant, request.get_full_path())) is not None:
        return elsewhere
    try:
        fields = single(dict(request.GET.lists()))
    except OAuth2Error as error:
        return _unanswerable(request, error.get_error_description())

    choices = _choices(tenant, fields)

    def ask(intent: Intent) -> HttpResponse:
        if intent.is_remembered and not choices:
            return _redirected(intent.answered(by=request.user))
        question = consents.sealed(fields, bound_to=_whose(request, tenant_id))
        about = _about(tenant, intent) | {"question": question, "choices": choices}
        return render(request, "oauth/consent.html", about)

    # What else is asked for does not depend on which endpoint is meant.
    return _decided(request, tenant, fields | _chosen(choices, choices[0].url if choices else ""), ask, _redirected)


@never_cache
@require_POST
@person
def consent(request: PersonRequest, tenant_id: UUID) -> HttpResponse:
    """Takes the person's answer, once, and leads back to the client.

    By a page that leads on, since a form may lead to our own origin alone, redirects included (form-action).
    """
    tenant = _tenant(request, tenant_id)
    if tenant is None or sent_first(request, tenant, "") is not None:
        return _stranger(request)
    question = consents.opened(request.POST.get("question", ""), bound_to=_whose(request, tenant_id))
    act_as("member", request.user.pk, request.user.email)
    by = request.user if request.POST.get("answer") == ALLOW else None
    choices = _choices(tenant, question.fields)
    chosen = _chosen(choices, request.POST.get("resource", "") if by else choices[0].url if choices else "")
    if choices and not chosen:
        return _unanswerable(request, "Go back and choose the endpoint that it may come in to.")

    def answer(intent: Intent) -> HttpResponse:
        consents.use_up(tenant_id, question)
        return _left(request, intent.answered(by=by))

    return _decided(request, tenant, question.fields | chosen, answer, lambda said: _left(request, said))


def _decided(
    request: PersonRequest,
    tenant: Tenant,
    fields: dict[str, str],
    then: Callable[[Intent], HttpResponse],
    otherwise: Callable[[Answer], HttpResponse],
) -> HttpResponse:
    """What comes of a valid request, or of an answer to the client that it is not."""
    asked = Asked("GET", f"{endpoints_of(tenant.pk)}/authorize", request.headers, fields)
    asked.by_sso = signed_in(request, request.user, tenant.pk).by_sso
    try:
        client = known_client(tenant.pk, fields.get("client_id", ""), renew=True)
        with tenant_context(tenant.pk):
            intent = intent_of(Server(tenant.pk, EndpointResources(tenant.pk), client), asked, request.user)
            return otherwise(intent) if isinstance(intent, Answer) else then(intent)
    except Unanswerable as wrong:
        return _unanswerable(request, str(wrong))
    except DocumentRefused as refused:
        return _unanswerable(request, str(refused.description))


def _tenant(request: PersonRequest, tenant_id: UUID) -> Tenant | None:
    """The tenant, if the person is a member; raises Http404 for one that is not there."""
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id, delete_after=None).first()
        is_member = Membership.objects.active().filter(user=request.user).exists()
    if tenant is None:
        raise Http404
    if is_member:
        require_console_address(tenant, client_address(request))
    return tenant if is_member else None


def sent_first(request: PersonRequest, tenant: Tenant, back: str) -> HttpResponse | None:
    """Where a person goes first whose session lacks what the tenant asks of its members, and then `back`; None for
    nowhere.
    """
    actor = actor_for(request.user, tenant.slug)
    demand = demanded_of(request, actor)
    return redirect(met_at(request, actor, demand, back)) if demand else None


def _choices(tenant: Tenant, fields: dict[str, str]) -> list[Resource]:
    """The endpoints to choose from, where a client names none and the tenant has several."""
    if fields.get("resource"):
        return []
    with tenant_context(tenant.pk):
        found = EndpointResources(tenant.pk).all()
    return found if len(found) > 1 else []


def _chosen(choices: list[Resource], url: str) -> dict[str, str]:
    """What a choice adds to a request; nothing for what is none of them."""
    return {"resource": url} if any(choice.url == url for choice in choices) else {}


def _about(tenant: Tenant, intent: Intent) -> dict[str, Any]:
    redirect_uri = intent.terms.redirect_uri
    return {
        "tenant": tenant,
        "client": intent.client.row,
        "destination": redirects.destination(redirect_uri),
        "is_loopback": redirects.is_loopback(redirect_uri),
        "is_app": not redirect_uri.startswith(("http://", "https://")),
        "resource": intent.terms.resource,
        "words": scopes.in_words(intent.terms.scope),
        "scopes": intent.terms.scope,
    }


def _whose(request: HttpRequest, tenant_id: UUID) -> str:
    """What a question is bound to: this issuer's, this person's and this browser session's."""
    return f"{issuer_of(tenant_id)} {request.user.pk} {request.session.session_key}"


def _redirected(answer: Answer) -> HttpResponse:
    # Not Django's own class, which knows no schemes of apps; what may stand here was checked when it was registered.
    return HttpResponse(status=302, headers={"Location": answer.location})


def _left(request: HttpRequest, answer: Answer) -> HttpResponse:
    return render(request, "oauth/leave.html", {"url": answer.location})


def _stranger(request: HttpRequest) -> HttpResponse:
    return render(request, "oauth/stranger.html", status=404)


def _unanswerable(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "oauth/refused.html", {"sentence": sentence}, status=400)
