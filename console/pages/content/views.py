"""Prompts and resources of an endpoint: list, make, show and try, change, switch, delete."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.entitlements import Limit, limit
from console.access import MemberRequest, member
from console.pages.content.kinds import STATIC, Kind
from console.pages.content.trial import Trial, run, trial_of
from console.pages.endpoints.views import about
from console.pages.sources.editors.catalogue import title_of
from console.pages.sources.ways import to_definition
from console.rendering import page, query_of, rows_of
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest, endpoint: str, kind: Kind) -> HttpResponse:
    """All of one kind on an endpoint."""
    found, query = endpoint_for(endpoint), query_of(request)
    context = about(request, found, here=kind.plural) | {
        "rows": rows_of(request, kind.matching(found, query)),
        "query": query,
        "limit": limit(request.actor.tenant.id, Limit.TOOLS_PER_ENDPOINT),
    }
    template = f"content/{kind.plural}.html"
    return page(request, f"{template}#rows" if request.htmx else template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def create(request: MemberRequest, endpoint: str, kind: Kind) -> HttpResponse:
    """A new one, written down."""
    found = endpoint_for(endpoint)
    form = kind.editor(request.POST or None, files=request.FILES or None)
    rearranged = form.rearranged(request.POST.get("act", ""))
    if rearranged is None and form.is_valid():
        with form.submitting():
            draft = form.draft()
            item = kind.create(actor=request.actor, endpoint_slug=endpoint, source=STATIC, draft=draft)
            messages.success(request, f"{kind.noun.capitalize()} {item.name} is live. Try it below.")
            return redirect(f"{kind.noun}_detail", request.actor.tenant.slug, endpoint, item.pk)
    shown = rearranged or form
    heading = {"heading": f"New {kind.noun}", "lead": form.lead, "button": f"Create {kind.noun}"}
    context = about(request, found) | heading | {"form": shown, "kind": kind}
    return page(request, f"content/{kind.noun}_editor.html", context, status=shown.status)


@require_safe
@member(Permission.VIEW)
def detail(request: MemberRequest, endpoint: str, kind: Kind, item_id: UUID) -> HttpResponse:
    """What clients see of it, and a form to try it with."""
    found = endpoint_for(endpoint)
    return _detail(request, trial_of(kind, found, kind.found(found, item_id)))


@require_POST
@member(Permission.CALL_TOOLS, holds_context=False)
def attempt(request: MemberRequest, endpoint: str, kind: Kind, item_id: UUID) -> HttpResponse:
    """Asks for it as a client would, and shows what came back."""
    with tenant_context(request.actor.tenant.pk):
        found = endpoint_for(endpoint)
        trial = trial_of(kind, found, kind.found(found, item_id), request.POST)
    run(request, trial)
    if request.htmx:
        return page(
            request, "content/trial.html", {"trial": trial, "endpoint": found, "item": trial.item, "kind": kind}
        )
    return _detail(request, trial)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def edit(request: MemberRequest, endpoint: str, kind: Kind, item_id: UUID) -> HttpResponse:
    """The same form as for a new one, filled with what is there now."""
    found = endpoint_for(endpoint)
    item = kind.found(found, item_id)
    if item.definition is not None:
        return to_definition(request, endpoint, item.definition)
    if item.source != STATIC:
        raise Refused(refusals.NOT_FOUND)
    form = kind.editor(request.POST or None, files=request.FILES or None, initial=kind.editor.values_of(item))
    rearranged = form.rearranged(request.POST.get("act", ""))
    if rearranged is None and form.is_valid():
        with form.submitting():
            changes = {"draft": form.draft(), "enabled": item.enabled} | kind.names(item_id)
            changed = kind.update(actor=request.actor, endpoint_slug=endpoint, **changes)
            messages.success(
                request, f"{kind.noun.capitalize()} {changed.name} is changed. Clients see it within a second."
            )
            return redirect(f"{kind.noun}_detail", request.actor.tenant.slug, endpoint, item_id)
    shown = rearranged or form
    heading = {"heading": f"Edit {item.name}", "lead": form.lead, "button": "Save changes"}
    context = about(request, found) | heading | {"form": shown, "kind": kind, "item": item}
    return page(request, f"content/{kind.noun}_editor.html", context, status=shown.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def switch(request: MemberRequest, endpoint: str, kind: Kind, item_id: UUID) -> HttpResponse:
    """Switches it on or off."""
    enabled = request.POST.get("enabled") == "on"
    item = kind.switch(actor=request.actor, endpoint_slug=endpoint, enabled=enabled, **kind.names(item_id))
    told = "on: clients see it" if enabled else "off: clients no longer see it"
    messages.success(request, f"{kind.noun.capitalize()} {item.name} is {told}.")
    if item.definition is not None:
        return to_definition(request, endpoint, item.definition)
    return redirect(f"{kind.noun}_detail", request.actor.tenant.slug, endpoint, item_id)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def delete(request: MemberRequest, endpoint: str, kind: Kind, item_id: UUID) -> HttpResponse:
    """Asks once, then deletes it."""
    found = endpoint_for(endpoint)
    item = kind.found(found, item_id)
    if item.definition is not None:
        return to_definition(request, endpoint, item.definition)
    if request.method == "POST":
        kind.delete(actor=request.actor, endpoint_slug=endpoint, **kind.names(item_id))
        messages.success(request, f"{kind.noun.capitalize()} {item.name} is deleted.")
        return redirect(f"{kind.noun}_list", request.actor.tenant.slug, endpoint)
    context = about(request, found) | {"heading": f"Delete {item.name}", "item": item, "kind": kind}
    return page(request, "content/delete.html", context)


def _detail(request: MemberRequest, trial: Trial) -> HttpResponse:
    item, kind = trial.item, trial.kind
    context = about(request, trial.endpoint) | {
        "heading": item.name,
        "lead": item.title,
        "item": item,
        "kind": kind,
        "trial": trial,
        "source": kind.titles.get(item.source) or title_of(item.source),
        "is_static": item.source == STATIC,
    }
    return page(request, f"content/{kind.noun}.html", context, status=trial.form.status)
