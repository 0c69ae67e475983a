"""Rules of an endpoint: see, set, delete."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from console.access import MemberRequest, member
from console.pages.endpoints.views import about
from console.pages.rules.forms import ToolRuleForm
from console.rendering import page
from mcp_runtime.selectors import tool_rules_of
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.tool_rules import tool_rule_delete, tool_rule_set
from tenants.access import Permission
from tenants.selectors import groups_by_name


@require_http_methods(["GET", "HEAD"])
@member(Permission.VIEW)
def index(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Every rule, and a form for another one."""
    return _page(request, endpoint, ToolRuleForm(groups_by_name()))


@require_POST
@member(Permission.MANAGE_MEMBERS)
def change(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Sets what a group's members may use."""
    form = ToolRuleForm(groups_by_name(), request.POST)
    if form.is_valid():
        with form.submitting():
            rule = tool_rule_set(actor=request.actor, endpoint_slug=endpoint, **form.cleaned_data)
            messages.success(request, f"The rule for {rule.group_name} holds within a second.")
            return redirect("rule_list", request.actor.tenant.slug, endpoint)
    return _page(request, endpoint, form)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def delete(request: MemberRequest, endpoint: str, rule_id: UUID) -> HttpResponse:
    """Ends a rule."""
    tool_rule_delete(actor=request.actor, endpoint_slug=endpoint, rule_id=rule_id)
    messages.success(request, "The rule is gone within a second.")
    return redirect("rule_list", request.actor.tenant.slug, endpoint)


def _page(request: MemberRequest, endpoint: str, form: ToolRuleForm) -> HttpResponse:
    found = endpoint_for(endpoint)
    context = about(request, found, here="rules") | {"form": form, "rules": tool_rules_of(found)}
    return page(request, "rules/index.html", context, status=form.status)
