"""Tools of an endpoint: choose a kind, make, show and try, change, switch, delete."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.endpoints.views import about
from console.pages.playground.trial import Trial, run, trial_of
from console.pages.sources.editors.catalogue import title_of
from console.pages.sources.ways import to_definition
from console.pages.tools.editors import editor_of, kinds
from console.rendering import page
from core.tenancy import tenant_context
from mcp_runtime.models import Tool
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.tools import tool_create, tool_delete, tool_for, tool_switch, tool_update
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.registry import SOURCES
from tenants.access import Permission


@require_safe
@member(Permission.EDIT_ENDPOINTS)
def choose(request: MemberRequest, endpoint: str) -> HttpResponse:
    """The kinds of tool, and the functions that need no service at all."""
    found = endpoint_for(endpoint)
    heading = {"heading": "Add a tool", "lead": f"One thing that a model may do through {found.name}."}
    context = about(request, found) | heading | {"kinds": kinds(), "functions": CATALOGUE.values()}
    return page(request, "tools/choose.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def create(request: MemberRequest, endpoint: str, source: str) -> HttpResponse:
    """A new tool of one kind."""
    found, editor = endpoint_for(endpoint), editor_of(source)
    form = editor(request.POST or None, initial=editor.values_for(request.GET.get("choice", "")))
    if form.is_valid():
        with form.submitting():
            tool = tool_create(actor=request.actor, endpoint_slug=endpoint, source=source, draft=form.draft())
            messages.success(request, f"Tool {tool.name} is live. Try it below.")
            return redirect("tool_detail", request.actor.tenant.slug, endpoint, tool.pk)
    heading = {"heading": f"New tool: {SOURCES[source].title}", "lead": form.lead}
    context = about(request, found) | heading | {"form": form}
    return page(request, "tools/create.html", context, status=form.status)


@require_safe
@member(Permission.VIEW)
def detail(request: MemberRequest, endpoint: str, tool_id: UUID) -> HttpResponse:
    """What clients see of a tool, and a form to try it with."""
    found = endpoint_for(endpoint)
    tool = tool_for(found, tool_id)
    return _detail(request, trial_of(found, tool))


@require_POST
@member(Permission.CALL_TOOLS, holds_context=False)
def call(request: MemberRequest, endpoint: str, tool_id: UUID) -> HttpResponse:
    """Calls the tool for real, and shows what it answered."""
    with tenant_context(request.actor.tenant.pk):
        found = endpoint_for(endpoint)
        trial = trial_of(found, tool_for(found, tool_id), request.POST)
    run(request, trial)
    if request.htmx:
        return page(request, "playground/trial.html", {"trial": trial, "endpoint": found, "tool": trial.tool})
    return _detail(request, trial)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def edit(request: MemberRequest, endpoint: str, tool_id: UUID) -> HttpResponse:
    """The same form as for a new tool, filled with what the tool is now."""
    found = endpoint_for(endpoint)
    tool = tool_for(found, tool_id)
    if tool.definition is not None:
        return to_definition(request, endpoint, tool.definition)
    editor = editor_of(tool.source)
    form = editor(request.POST or None, initial=editor.values_of(tool))
    if form.is_valid():
        with form.submitting():
            draft, enabled = form.draft(), tool.enabled
            tool_update(actor=request.actor, endpoint_slug=endpoint, tool_id=tool_id, draft=draft, enabled=enabled)
            messages.success(request, f"Tool {draft.name} is changed. Clients see it within a second.")
            return redirect("tool_detail", request.actor.tenant.slug, endpoint, tool_id)
    heading = {"heading": f"Edit {tool.name}", "lead": form.lead}
    context = about(request, found) | heading | {"form": form, "tool": tool}
    return page(request, "tools/edit.html", context, status=form.status)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def switch(request: MemberRequest, endpoint: str, tool_id: UUID) -> HttpResponse:
    """Switches a tool on or off."""
    enabled = request.POST.get("enabled") == "on"
    tool = tool_switch(actor=request.actor, endpoint_slug=endpoint, tool_id=tool_id, enabled=enabled)
    told = "on: clients can call it" if enabled else "off: clients no longer see it"
    messages.success(request, f"Tool {tool.name} is {told}.")
    if tool.definition is not None:
        return to_definition(request, endpoint, tool.definition)
    return redirect("tool_detail", request.actor.tenant.slug, endpoint, tool_id)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.EDIT_ENDPOINTS)
def delete(request: MemberRequest, endpoint: str, tool_id: UUID) -> HttpResponse:
    """Asks once, then deletes a tool; one that is imported leads to its definition, as editing it does."""
    found = endpoint_for(endpoint)
    tool = tool_for(found, tool_id)
    if tool.definition is not None:
        return to_definition(request, endpoint, tool.definition)
    if request.method == "POST":
        tool_delete(actor=request.actor, endpoint_slug=endpoint, tool_id=tool_id)
        messages.success(request, f"Tool {tool.name} is deleted.")
        return redirect("endpoint_detail", request.actor.tenant.slug, endpoint)
    context = about(request, found) | {"heading": f"Delete {tool.name}", "tool": tool}
    return page(request, "tools/delete.html", context)


def _title(tool: Tool) -> str:
    return SOURCES[tool.source].title if tool.source in SOURCES else title_of(tool.source)


def _detail(request: MemberRequest, trial: Trial) -> HttpResponse:
    tool = trial.tool
    heading = {"heading": tool.name, "lead": tool.title}
    context = about(request, trial.endpoint) | heading | {"tool": tool, "trial": trial, "kind_title": _title(tool)}
    return page(request, "tools/detail.html", context, status=trial.form.status)
