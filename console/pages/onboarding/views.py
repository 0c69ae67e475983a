"""From an account to the first tool call: name a tenant, call a tool, take a key to a client.

Each step has an address of its own and is worked out from what is there, so that it survives a reload.
"""

from dataclasses import asdict

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, PersonRequest, member, person
from console.connecting import connections
from console.pages.onboarding.first_endpoint import GREETING, FirstCall, first_endpoint, make_first_endpoint
from console.pages.playground.trial import Trial, run, trial_of
from console.pages.tenants.forms import NamingForm
from console.rendering import page
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.selectors import live_access_keys
from mcp_runtime.services.access_keys import access_key_issue
from tenants.access import Permission, actor_for, memberships_of
from tenants.models import Membership, Role
from tenants.services.tenants import tenant_create

SESSION_KEY = "first calls"  # {tenant id: what the first call answered}, for whoever reloads the page


@require_http_methods(["GET", "HEAD", "POST"])
@person
def name(request: PersonRequest) -> HttpResponse:
    """Step 1: name a tenant; an endpoint with a tool is made with it."""
    memberships = memberships_of(request.user)
    if memberships:
        return _onward(memberships)
    form = NamingForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            tenant = tenant_create(owner=request.user, name=form.cleaned_data["name"])
            actor = actor_for(request.user, tenant.slug)
            with tenant_context(tenant.pk):
                make_first_endpoint(actor)
            return redirect("welcome_call", tenant.slug)
    return render(request, "onboarding/name.html", {"form": form}, status=form.status)


def _onward(memberships: list[Membership]) -> HttpResponse:
    """Whoever owns their one tenant may have reloaded the first step; anybody else was never a newcomer here."""
    if len(memberships) == 1 and memberships[0].role == Role.OWNER:
        return redirect("welcome_call", memberships[0].tenant.slug)
    return redirect("home")


@never_cache
@require_safe
@member(Permission.EDIT_ENDPOINTS)
def steps(request: MemberRequest) -> HttpResponse:
    """Steps 2 and 3: what was done so far, and what comes next."""
    found = first_endpoint()
    if found is None:
        return redirect("overview", request.actor.tenant.slug)
    return _page(request, found[0], found[1])


@require_POST
@member(Permission.CALL_TOOLS, holds_context=False)
def call(request: MemberRequest) -> HttpResponse:
    """Step 2: the page calls the tool, for real."""
    tenant = request.actor.tenant
    with tenant_context(tenant.pk):
        found = first_endpoint()
    if found is None:
        return redirect("overview", tenant.slug)
    trial = trial_of(*found, {"argument_0": GREETING})
    run(request, trial)
    _remember(request, trial)
    with tenant_context(tenant.pk):
        return _page(request, *found, trial=trial)


@never_cache
@require_POST
@member(Permission.MANAGE_ACCESS_KEYS)
def key(request: MemberRequest) -> HttpResponse:
    """Step 3: a key, shown in this one answer, with the lines that connect a client."""
    found = first_endpoint()
    if found is None:
        return redirect("overview", request.actor.tenant.slug)
    _, secret = access_key_issue(actor=request.actor, endpoint_slug=found[0].slug, name="My first client")
    return _page(request, *found, secret=secret)


def _page(
    request: MemberRequest, endpoint: Endpoint, tool: Tool, *, trial: Trial | None = None, secret: str = ""
) -> HttpResponse:
    tenant = request.actor.tenant
    context = {
        "endpoint": endpoint,
        "tool": tool,
        "mcp_url": mcp_url(tenant.slug, endpoint.slug),
        "greeting": GREETING,
        "trial": trial,
        "first_call": request.session.get(SESSION_KEY, {}).get(str(tenant.pk)),
        "access_key": live_access_keys(endpoint).order_by("-created_at").first(),
        "secret": secret,
        "connections": connections(tenant=tenant, endpoint=endpoint, key=secret) if secret else [],
    }
    template = "onboarding/steps.html#steps" if request.htmx else "onboarding/steps.html"
    return page(request, template, context)


def _remember(request: MemberRequest, trial: Trial) -> None:
    if trial.exchange is not None and trial.exchange.is_success:
        text = " ".join(str(block.get("text", "")) for block in trial.blocks)
        answered = FirstCall(text=text[:200], milliseconds=trial.exchange.milliseconds)
        earlier = request.session.get(SESSION_KEY, {})
        request.session[SESSION_KEY] = earlier | {str(request.actor.tenant.pk): asdict(answered)}
