"""Who may see a page: decorators that resolve a request to a signed-in person, or to an actor in a tenant."""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from http import HTTPStatus
from typing import Concatenate, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from billing.lifting import lift_of
from console.client_addresses import client_address
from console.entry import demanded_of, met_at
from console.seen import note_seen
from core import refusals
from core.acting import act_as
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission, memberships_of, tenant_id_for
from tenants.audit.refusing import refusal_note
from tenants.models import Membership, Role, User
from tenants.services.networks import require_console_address

SAFE_METHODS = {"GET", "HEAD"}


class PersonRequest(HttpRequest):
    """A request of somebody who has signed in."""

    user: User
    htmx: HtmxDetails


class MemberRequest(PersonRequest):
    """A request of a member: who acts in which tenant, and all tenants that the person belongs to."""

    actor: Actor
    memberships: list[Membership]


type View = Callable[..., HttpResponseBase]
type PersonView[**P] = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
type MemberView[**P] = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


def person[**P](view: PersonView[P]) -> View:
    """Lets signed-in people see a page; others sign in first and come back."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        narrowed = cast(PersonRequest, request)
        return _answered(narrowed, lambda: view(narrowed, *args, **kwargs))

    return guarded


def anybody[**P](view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> View:
    """Lets everybody see a page, signed in or not; what it refuses is answered as on any page."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return _answered(cast(PersonRequest, request), lambda: view(request, *args, **kwargs))

    return guarded


def member[**P](
    permission: Permission, *, holds_context: bool = True, owner_from_anywhere: bool = False
) -> Callable[[MemberView[P]], View]:
    """Lets members whose role allows `permission` see a page under `/t/<tenant>/`; strangers get 404.

    The view and its rendering run inside the tenant's context. A view that waits for something else (the runtime)
    says `holds_context=False` and opens `tenant_context` itself around its reads, so as to hold no transaction.
    With `owner_from_anywhere` the list of networks that the console may be used from does not bind the owner.
    """

    def decorate(view: MemberView[P]) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, tenant: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            narrowed = _narrowed(request, tenant)
            actor = narrowed.actor
            if actor.tenant.slug != tenant and request.method in SAFE_METHODS:
                return _to_current_slug(request, tenant, actor.tenant.slug)
            demand = demanded_of(request, actor)
            if demand is not None:
                return _sent(narrowed, met_at(request, actor, demand, _back(request, f"/t/{actor.tenant.slug}/")))

            def inside() -> HttpResponseBase:
                if not (owner_from_anywhere and actor.role == Role.OWNER):
                    require_console_address(actor.tenant, client_address(request))
                actor.require(permission)
                note_seen(request, actor)
                with tenant_context(actor.tenant.id) if holds_context else nullcontext():
                    return view(narrowed, *args, **kwargs)

            return _answered(narrowed, inside)

        return guarded

    return decorate


def _narrowed(request: HttpRequest, slug: str) -> MemberRequest:
    narrowed = cast(MemberRequest, request)
    narrowed.memberships = memberships_of(narrowed.user)
    narrowed.actor = _actor(narrowed, slug)
    return narrowed


def _actor(request: MemberRequest, slug: str) -> Actor:
    try:
        tenant_id = tenant_id_for(slug)
    except Refused:
        raise Http404 from None
    for membership in request.memberships:
        if membership.tenant_id == tenant_id:
            act_as("member", request.user.pk, request.user.email)
            return Actor(tenant=membership.tenant, role=membership.role, user=request.user)
    raise Http404


def _to_current_slug(request: HttpRequest, former: str, current: str) -> HttpResponse:
    rest = request.get_full_path().removeprefix(f"/t/{former}")
    return HttpResponseRedirect(f"/t/{current}{rest}")


def _to_login(request: HttpRequest) -> HttpResponse:
    return _sent(cast(PersonRequest, request), redirect_to_login(_back(request, "/")).url)


def _back(request: HttpRequest, otherwise: str) -> str:
    """The page that somebody is on, for coming back to."""
    htmx = cast(PersonRequest, request).htmx
    if htmx:
        return htmx.current_url_abs_path or otherwise
    # A write that was refused for want of a session is not repeated by coming back: its page is.
    return request.get_full_path() if request.method in SAFE_METHODS else otherwise


def _sent(request: PersonRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else HttpResponseRedirect(url)


def _answered(request: PersonRequest, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The boundary: a refusal that no form took becomes a page with its status, and what to do about it."""
    try:
        return answer()
    except Refused as refused:
        _note(request, refused)
        if refused.refusal.http_status == HTTPStatus.NOT_FOUND:
            raise Http404 from None
        if refused.refusal is refusals.PERMISSION_DENIED and not refused.detail:
            raise PermissionDenied(refused.refusal.advice) from None
        return _refusal_page(request, refused)


def _note(request: PersonRequest, refused: Refused) -> None:
    """Has the audit log of the tenant say that somebody wanted what their role does not allow."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is not None and refused.refusal is refusals.PERMISSION_DENIED:
        refusal_note(tenant_id=actor.tenant.id, what=f"{request.method} {request.path}")


def _refusal_page(request: PersonRequest, refused: Refused) -> HttpResponse:
    template = "errors/refusal.html#sentence" if request.htmx else "errors/refusal.html"
    context = {"refused": refused, "lift": lift_of(refused)}
    response = render(request, template, context, status=refused.refusal.http_status)
    if refused.refusal.retry_after_seconds is not None:
        response["Retry-After"] = str(refused.refusal.retry_after_seconds)
    return response
