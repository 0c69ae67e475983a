"""What a source offers, one by one: compared, approved, curated; and many at once."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from console.access import MemberRequest, member
from console.pages.endpoints.views import about
from console.pages.sources.curation import CurationForm
from console.pages.sources.editors.catalogue import title_of
from console.pages.sources.shown import MATCHING, Filter, findings_shown
from console.pages.sources.words import of_definition
from console.rendering import page
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Definition, Endpoint
from mcp_runtime.services.definitions import (
    definition_curate,
    definition_for,
    definitions_approve,
    definitions_choose,
)
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.trust.differences import as_lines, differences
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.trust.texts import made_visible
from mcp_runtime.upstream_selectors import definitions_matching, served_of, shown_of
from tenants.access import Permission

CHOICES = {"serve": "Serve", "withdraw": "Stop serving"}
ACTS = ("approve", "approve-clean", *CHOICES)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.VIEW)
def definition(request: MemberRequest, endpoint: str, upstream: str, definition_id: UUID) -> HttpResponse:
    """What clients see of a definition, what the source says now, and the form to change it for clients."""
    if request.method == "POST":
        request.actor.require(Permission.EDIT_ENDPOINTS)
    found = endpoint_for(endpoint)
    shown = definition_for(upstream_for(found, upstream), definition_id)
    form = CurationForm(request.POST or None, definition=shown)
    if form.is_valid():
        with form.submitting():
            definition_curate(
                actor=request.actor,
                endpoint_slug=endpoint,
                upstream_slug=upstream,
                definition_id=definition_id,
                curation=form.curation(),
            )
            messages.success(request, "Saved. Clients see it within a second, where it is served.")
            return _to_definition(request, endpoint, upstream, definition_id)
    return page(request, "sources/definition.html", _context(request, found, shown, form), status=form.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def decide(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """Approves, serves or no longer serves what was picked; each pick names the digest of what was looked at."""
    act = request.POST.get("act", "")
    if request.POST.get("scope") == MATCHING and act in CHOICES:
        return _decide_matching(request, act, endpoint, upstream)
    picks = _picks(request)
    if act not in ACTS or (act != "approve-clean" and not picks):
        messages.warning(request, "Pick what you want to approve, serve or withdraw.")
    else:
        try:
            messages.success(request, _done(request, act, endpoint, upstream, picks))
        except Refused as refused:
            if refused.refusal is not refusals.CONFLICT:
                raise
            messages.error(request, str(refused))
    return _back(request, endpoint, upstream)


def _decide_matching(request: MemberRequest, act: str, endpoint: str, upstream: str) -> HttpResponse:
    """Asks once, then serves or withdraws all that a filter leaves, as many as the question named and no others."""
    found = endpoint_for(endpoint)
    shown = upstream_for(found, upstream)
    filtered = Filter.read(QueryDict(request.POST.get("query", "")))
    ids = list(definitions_matching(shown, filtered.wanted()).values_list("pk", flat=True))
    asked = request.POST.get("count", "")
    if not ids:
        messages.warning(request, "Nothing matches any more.")
        return _back(request, endpoint, upstream)
    if asked == str(len(ids)):
        where: dict[str, Any] = {"actor": request.actor, "endpoint_slug": endpoint, "upstream_slug": upstream}
        messages.success(request, _chosen(ids, act, where))
        return _back(request, endpoint, upstream)
    verb = CHOICES[act]
    heading = {"heading": f"{verb} {len(ids):,} definition{'' if len(ids) == 1 else 's'}?", "verb": verb, "act": act}
    context = {"upstream": shown, "count": len(ids), "was_another": bool(asked), "filter": filtered}
    narrowed = {"narrowed": filtered.told()}
    return page(request, "sources/decide.html", about(request, found) | heading | context | narrowed)


def _chosen(ids: list[UUID], act: str, where: dict[str, Any]) -> str:
    """What was served or withdrawn, in a sentence."""
    changed = definitions_choose(ids=ids, chosen=act == "serve", **where)
    blocked = sum(1 for one in changed if one.obstacle)
    told = f" {blocked:,} of them cannot be served: their pages say why." if blocked else ""
    return f"{len(changed):,} {'served where approved' if act == 'serve' else 'no longer served'}.{told}"


def _done(request: MemberRequest, act: str, endpoint: str, upstream: str, picks: dict[UUID, str]) -> str:
    """What was done, in a sentence."""
    where: dict[str, Any] = {"actor": request.actor, "endpoint_slug": endpoint, "upstream_slug": upstream}
    if act in ("approve", "approve-clean"):
        approved = definitions_approve(digests=None if act == "approve-clean" else picks, **where)
        blocked = sum(1 for one in approved if one.obstacle)
        told = f" {blocked:,} of them cannot be served: their pages say why." if blocked else ""
        return f"{len(approved):,} approved.{told}"
    return _chosen(list(picks), act, where)


def _picks(request: MemberRequest) -> dict[UUID, str]:
    picks: dict[UUID, str] = {}
    for token in request.POST.getlist("pick"):
        definition_id, _, digest = token.partition(".")
        try:
            picks[UUID(definition_id)] = digest
        except ValueError:
            raise Refused(refusals.NOT_FOUND) from None
    return picks


def _back(request: MemberRequest, endpoint: str, upstream: str) -> HttpResponse:
    """To where the act was asked for: a definition's page, or the list as it was filtered."""
    one = next(iter(_picks(request)), None)
    here = upstream_for(endpoint_for(endpoint), upstream)
    is_there = one is not None and Definition.objects.filter(upstream=here, pk=one).exists()
    if one is not None and is_there and request.POST.get("from") == "definition":
        return _to_definition(request, endpoint, upstream, one)
    response = redirect("source_detail", request.actor.tenant.slug, endpoint, upstream)
    query = request.POST.get("query", "").replace("\r", "").replace("\n", "")
    response["Location"] += f"?{query}#definitions" if query else "#definitions"
    return response


def _to_definition(request: MemberRequest, endpoint: str, upstream: str, definition_id: UUID) -> HttpResponse:
    return redirect("definition_detail", request.actor.tenant.slug, endpoint, upstream, definition_id)


def _context(request: MemberRequest, endpoint: Endpoint, shown: Definition, form: CurationForm) -> dict[str, Any]:
    served = served_of([shown]).get(shown.pk)
    is_served = served is not None and served.enabled
    document = shown_of(shown)
    compared = differences(shown.pinned, shown.offered) if shown.pinned is not None and shown.offered else []
    return about(request, endpoint) | {
        "heading": made_visible(shown.name),
        "lead": made_visible(str(document.get("title", ""))),
        "upstream": shown.upstream,
        "kind_title": title_of(shown.upstream.kind),
        "definition": shown,
        "definition_standing": of_definition(shown, is_served=is_served),
        "served": served if is_served else None,
        "findings": findings_shown(shown),
        "compared": compared,
        "whole": as_lines(document),
        "token": f"{shown.pk}.{digest_of(document)}",
        "waits": shown.offered is not None or shown.is_gone,
        "own": {name: made_visible(str(document.get(name, ""))) for name in ("name", "title", "description")},
        "form": form,
    }
