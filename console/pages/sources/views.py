"""Sources of an endpoint: list, add, show with progress, change, switch, delete."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from console.access import MemberRequest, member
from console.forms import TypedNameForm
from console.pages.endpoints.views import about
from console.pages.sources.editors.catalogue import editor_of, kinds, title_of
from console.pages.sources.secrets import SecretForm
from console.pages.sources.shown import (
    FINDINGS,
    FLAGGED_SHOWN,
    FORMS,
    MATCHING,
    STATES,
    Filter,
    destination_of,
    progress_of,
    rows_shown,
    secrets_shown,
)
from console.pages.sources.words import of_run, of_source
from console.rendering import page, rows_of
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, HealthState, Upstream, Watch
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import (
    upstream_create,
    upstream_delete,
    upstream_for,
    upstream_switch,
    upstream_update,
)
from mcp_runtime.upstream_selectors import Standing as Asked
from mcp_runtime.upstream_selectors import (
    Wanted,
    definition_counts,
    definitions_matching,
    runs_of,
    upstream_shown,
    upstreams_of,
)
from tenants.access import Permission
from tenants.models import Connection
from tenants.vault.connections import may_log_in
from tenants.vault.selectors import connections_to_log_in, connections_visible

RUNS_SHOWN = 5
LOOKED_AT_WITHIN = timedelta(minutes=1)


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest, endpoint: str) -> HttpResponse:
    """The endpoint and its sources, as a tree."""
    found = endpoint_for(endpoint)
    sources = [
        {"upstream": upstream, "standing": of_source(upstream), "kind": title_of(upstream.kind)}
        for upstream in upstreams_of(found)
    ]
    return page(request, "sources/index.html", about(request, found, here="sources") | {"sources": sources})


@require_safe
@member(Permission.EDIT_ENDPOINTS)
def choose(request: MemberRequest, endpoint: str) -> HttpResponse:
    """The kinds of source."""
    found = endpoint_for(endpoint)
    heading = {"heading": "Add a source", "lead": f"Something outside whose tools {found.name} offers."}
    return page(request, "sources/choose.html", about(request, found) | heading | {"kinds": kinds()})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def create(request: MemberRequest, endpoint: str, kind: str) -> HttpResponse:
    """A new source of one kind, which is imported at once."""
    found, editor = endpoint_for(endpoint), editor_of(kind)
    form = editor(request.POST or None, request.FILES or None)
    rearranged = form.rearranged(request.POST.get("act", ""))
    if rearranged is None and form.is_valid():
        with form.submitting():
            slug, fields = form.cleaned_data["slug"], form.service_input()
            made = upstream_create(actor=request.actor, endpoint_slug=endpoint, slug=slug, kind=kind, fields=fields)
            import_start(actor=request.actor, endpoint_slug=endpoint, upstream_slug=made.slug)
            messages.success(request, f"Source {made.name} is added. What it offers is being imported.")
            return redirect("source_detail", request.actor.tenant.slug, endpoint, made.slug)
    heading = {"heading": f"New source: {title_of(kind)}", "lead": editor.lead}
    shown = rearranged or form
    context = about(request, found) | heading | {"form": shown, "button": "Add source"}
    return page(request, "sources/editor.html", context, status=shown.status)


@require_safe
@member(Permission.VIEW)
def detail(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """How a source is, what waits for somebody, and all that it offers."""
    found = endpoint_for(endpoint)
    shown = upstream_shown(found, upstream)
    context = _about(request, found, shown) | _listed(request, shown)
    if request.htmx and request.GET.get("part") == "health":
        return _health(request, context | _connections(request, shown))
    if request.htmx:
        return page(request, "sources/definitions.html", context)
    return page(request, "sources/detail.html", context | _whole(shown) | _connections(request, shown))


def _health(request: MemberRequest, context: dict[str, Any]) -> HttpResponse:
    """How a source is that is being looked at; the whole page anew once that is over."""
    if not context["is_looked_at"]:
        return HttpResponseClientRefresh()
    return page(request, "sources/health.html", context)


@require_safe
@member(Permission.VIEW)
def progress(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """How far the import is: asked again and again while it runs, and the whole page anew once it is over."""
    found = endpoint_for(endpoint)
    shown = upstream_shown(found, upstream)
    told = progress_of(runs_of(shown).first())
    if not request.htmx:
        return redirect("source_detail", request.actor.tenant.slug, endpoint, upstream)
    if not told.get("is_running"):
        return HttpResponseClientRefresh()
    return page(request, "sources/progress.html", {"endpoint": found, "upstream": shown} | told)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def start(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Imports again."""
    return _import(request, endpoint, upstream)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def edit(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """The same form as for a new one, filled with what is there now; secrets and files stay where nothing is given."""
    found = endpoint_for(endpoint)
    shown = upstream_for(found, upstream)
    editor = editor_of(shown.kind)
    form = editor(request.POST or None, request.FILES or None, upstream=shown)
    rearranged = form.rearranged(request.POST.get("act", ""))
    if rearranged is None and form.is_valid():
        with form.submitting():
            changed = upstream_update(
                actor=request.actor, endpoint_slug=endpoint, slug=upstream, fields=form.service_input()
            )
            messages.success(request, f"Source {changed.name} is changed. Import it again to see what it offers now.")
            return redirect("source_detail", request.actor.tenant.slug, endpoint, upstream)
    heading = {"heading": f"Edit {shown.name}", "lead": editor.lead}
    context = (
        about(request, found)
        | heading
        | {
            "form": rearranged or form,
            "upstream": shown,
            "button": "Save changes",
            "secrets": secrets_shown(shown),
        }
    )
    return page(request, "sources/editor.html", context, status=(rearranged or form).status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def secrets(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Stores a secret, in place of the one before, or removes it; a source that needed it is imported again."""
    found = endpoint_for(endpoint)
    shown = upstream_shown(found, upstream)
    form = SecretForm(request.POST or None, upstream=shown)
    if form.is_valid():
        with form.submitting():
            fields = form.service_input()
            upstream_update(actor=request.actor, endpoint_slug=endpoint, slug=upstream, fields=fields)
            told = "removed" if "remove" in request.POST else "stored"
            messages.success(request, f"Secret {form.cleaned_data['name']} is {told}.")
            return _import(request, endpoint, upstream)
    context = _about(request, found, shown) | {"secret_form": form, "secrets": secrets_shown(shown)}
    return page(request, "sources/secrets.html", context, status=form.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def switch(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Switches a source on or off."""
    enabled = request.POST.get("enabled") == "on"
    changed = upstream_switch(actor=request.actor, endpoint_slug=endpoint, slug=upstream, enabled=enabled)
    told = "on: clients see what is approved of it" if enabled else "off: clients no longer see what it offers"
    messages.success(request, f"Source {changed.name} is {told}.")
    return redirect("source_detail", request.actor.tenant.slug, endpoint, upstream)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def delete(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Asks for the source's address to be typed, then deletes it."""
    found = endpoint_for(endpoint)
    shown = upstream_shown(found, upstream)
    form = TypedNameForm(shown.slug, request.POST or None)
    if form.is_valid():
        upstream_delete(actor=request.actor, endpoint_slug=endpoint, slug=upstream)
        messages.success(request, f"Source {shown.name} is deleted. Clients see nothing of it within a second.")
        return redirect("source_list", request.actor.tenant.slug, endpoint)
    context = _about(request, found, shown) | {"form": form}
    return page(request, "sources/delete.html", context, status=form.status)


def _about(request: MemberRequest, endpoint: Endpoint, upstream: Upstream) -> dict[str, Any]:
    kind = {"kind_title": title_of(upstream.kind), "heading": upstream.name, "lead": ""}
    return about(request, endpoint) | kind | {"upstream": upstream, "standing": of_source(upstream)}


def _listed(request: MemberRequest, upstream: Upstream) -> dict[str, Any]:
    """What it offers, as somebody filters it."""
    filtered = Filter.of(request)
    listed = rows_of(request, definitions_matching(upstream, filtered.wanted()))
    return {
        "filter": filtered,
        "listed": listed,
        "rows": rows_shown(list(listed.object_list)),
        "picked": request.GET.get("picked") in ("all", MATCHING),
        "picks_matching": request.GET.get("picked") == MATCHING,
        "pick_matching": filtered.text(page=request.GET.get("page", ""), picked=MATCHING),
        "pick_all": filtered.text(page=request.GET.get("page", ""), picked="all"),
        "pick_none": filtered.text(page=request.GET.get("page", "")),
        "states": STATES.items(),
        "forms": FORMS.items(),
        "finding_choices": FINDINGS.items(),
    }


def _whole(upstream: Upstream) -> dict[str, Any]:
    """What is beside the table: the last imports, what needs somebody, the secrets."""
    runs = list(runs_of(upstream)[:RUNS_SHOWN])
    flagged = definitions_matching(upstream, Wanted(standing=Asked.WAITING, has_findings=True))[:FLAGGED_SHOWN]
    return progress_of(runs[0] if runs else None) | {
        "runs": [{"run": run, "standing": of_run(run), "told": progress_of(run)["told"]} for run in runs],
        "counts": definition_counts(upstream),
        "flagged": rows_shown(list(flagged)),
        "secrets": secrets_shown(upstream),
        "destination": destination_of(upstream),
        "needs_secret": upstream.health in (HealthState.NEEDS_LOGIN, HealthState.DENIED),
    }


def _connections(request: MemberRequest, upstream: Upstream) -> dict[str, Any]:
    """Who is connected to it by OAuth, and for which of those connections somebody here has to log in."""
    found = list(connections_visible(request.actor).filter(holder=upstream.pk))
    broken = [one for one in connections_to_log_in(request.actor) if one.holder == upstream.pk]
    return {
        "connections": [(connection, may_log_in(request.actor, connection)) for connection in found],
        "broken_connection": broken[0] if broken else None,
        "is_connectable": destination_of(upstream).startswith("https://") and upstream.kind != "sql",
        "is_looked_at": _is_looked_at(upstream, found),
    }


def _is_looked_at(upstream: Upstream, connections: list[Connection]) -> bool:
    """Whether somebody has logged in for all who call a source that needed it, and it is yet to be seen what that did.

    No longer than a look takes to come: a page does not ask for ever.
    """
    since = [one.connected_at for one in connections if one.user_id is None and one.is_chosen and one.connected_at]
    if upstream.health != HealthState.NEEDS_LOGIN or not since or timezone.now() - max(since) > LOOKED_AT_WITHIN:
        return False
    looked_at = Watch.objects.filter(upstream=upstream).values_list("looked_at", flat=True).first()
    return looked_at is None or looked_at < max(since)


def _import(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Begins an import, or says that one is under way."""
    try:
        import_start(actor=request.actor, endpoint_slug=endpoint, upstream_slug=upstream)
    except Refused as refused:
        if refused.refusal is not refusals.CONFLICT:
            raise
        messages.warning(request, str(refused))
    return redirect("source_detail", request.actor.tenant.slug, endpoint, upstream)
