"""Rendering a member's page: every template knows the tenant, the actor, what the actor may do, and the rail."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from billing.stripe.client import is_simulated
from console.access import MemberRequest
from tenants.access import PERMISSIONS, Permission

ROWS_PER_PAGE = 50
MAXIMUM_QUERY_CHARACTERS = 100
# Title, URL name, the letter after `g`, and what a role must allow for it to be shown.
SECTIONS = (
    ("Overview", "overview", "o", Permission.VIEW),
    ("Endpoints", "endpoint_list", "e", Permission.VIEW),
    ("Playground", "playground", "p", Permission.CALL_TOOLS),
    ("Live", "board", "l", Permission.VIEW),
    ("Usage", "usage", "u", Permission.VIEW),
    ("Team", "team", "t", Permission.VIEW),
    ("Connections", "connection_list", "c", Permission.VIEW),
    ("Clients", "client_list", "m", Permission.VIEW),
    ("Single sign-on", "sso", "i", Permission.MANAGE_TENANT),
    ("API keys", "api_key_list", "k", Permission.MANAGE_API_KEYS),
    ("Audit log", "audit_log", "a", Permission.VIEW_AUDIT),
    ("Billing", "billing", "b", Permission.MANAGE_BILLING),
    ("Resale", "resale", "r", Permission.MANAGE_BILLING),
    ("Settings", "settings", "s", Permission.VIEW),
)
# Pages of a section whose addresses do not begin with the section's own.
_BELOW = (
    ("alert_list", "board"),
    ("uptime", "board"),
    ("issuer_list", "sso"),
    ("host_list", "settings"),
    ("endpoint_create", "endpoint_list"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One line of the rail."""

    title: str
    href: str
    key: str
    current: bool


def page(request: MemberRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The response of a page within a tenant. `can` holds a name for each permission the actor has."""
    actor = request.actor
    shared = {
        "actor": actor,
        "tenant": actor.tenant,
        "memberships": request.memberships,
        "sections": _sections(request),
        "payments_are_simulated": is_simulated(),
        "can": {str(permission): True for permission in PERMISSIONS[actor.role]},
    }
    return render(request, template, shared | context, status=status)


def query_of(request: MemberRequest) -> str:
    """What the person searches for: `?q=`."""
    return query_in(request.GET)


def query_in(asked: QueryDict) -> str:
    """The same in a query. PostgreSQL takes no NUL in a text."""
    return asked.get("q", "").replace("\x00", "").strip()[:MAXIMUM_QUERY_CHARACTERS]


def rows_of[ModelT: Model](request: MemberRequest, rows: QuerySet[ModelT]) -> Page[ModelT]:
    """The page of `rows` that `?page=` names; the nearest one when there is no such page."""
    return Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))


def _sections(request: MemberRequest) -> list[Section]:
    slug = request.actor.tenant.slug
    shown = [
        (title, reverse(name, args=[slug]), key)
        for title, name, key, permission in SECTIONS
        if request.actor.may(permission)
    ]
    # The overview's address begins every other's: the longest that fits is where the person is.
    path = next((reverse(above, args=[slug]) for name, above in _BELOW if _is_below(request, name)), request.path)
    here = max((href for _, href, _ in shown if path.startswith(href)), key=len, default="")
    return [Section(title, href, key, current=href == here) for title, href, key in shown]


def _is_below(request: MemberRequest, name: str) -> bool:
    return request.path.startswith(reverse(name, args=[request.actor.tenant.slug]))
