"""Rules of which tools groups may use: set and delete. Each service runs inside the actor's tenant context."""

import re
from collections.abc import Iterable
from uuid import UUID

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.tool_rules import EVERY_TOOL, tools_of
from mcp_runtime.models import Access, Endpoint, Tool, ToolRule
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.publish import publish
from tenants.access import Actor, Permission
from tenants.models import Group, GroupMember, Role
from tenants.validation import cleaned, refused_fields

MAXIMUM_RULES = 50  # of an endpoint: they travel in its snapshot
MAXIMUM_PATTERNS = 100
PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,64}|[A-Za-z0-9_.-]{0,64}\*")
_UNLIMITED = (Role.OWNER, Role.ADMIN)


def tool_rule_set(*, actor: Actor, endpoint_slug: str, group_id: UUID, patterns: list[str]) -> ToolRule:
    """Lets a group's members use the tools that `patterns` name, in place of what they were let use before.

    Workers hear of it within a second. Raises Refused: INVALID_INPUT for patterns that are none and a group that is
    not there, LIMIT_REACHED.
    """
    actor.require(Permission.MANAGE_MEMBERS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    group = Group.objects.filter(pk=group_id).first()
    if group is None:
        raise refused_fields({"group_id": "Choose a group of this tenant."})
    rule = ToolRule.objects.filter(endpoint=endpoint, group=group).first()
    if rule is None:
        if ToolRule.objects.filter(endpoint=endpoint).count() >= MAXIMUM_RULES:
            raise Refused(refusals.LIMIT_REACHED, f"An endpoint has at most {MAXIMUM_RULES} rules.")
        rule = ToolRule(tenant_id=endpoint.tenant_id, endpoint=endpoint, group=group)
    rule.group_name, rule.patterns = group.name, _checked(patterns)
    cleaned(rule).save()
    publish(endpoint)
    return rule


def tool_rule_delete(*, actor: Actor, endpoint_slug: str, rule_id: UUID) -> None:
    """Ends a rule. After the last one every member may use every tool again. Raises Refused(NOT_FOUND)."""
    actor.require(Permission.MANAGE_MEMBERS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    deleted, _ = ToolRule.objects.filter(endpoint=endpoint, pk=rule_id).delete()
    if not deleted:
        raise Refused(refusals.NOT_FOUND)
    publish(endpoint)


def usable_tools(actor: Actor, endpoint: Endpoint, names: Iterable[str]) -> frozenset[str] | None:
    """Those of `names` that rules let an actor use; None where none limit them."""
    rules = {
        str(group_id): patterns
        for group_id, patterns in ToolRule.objects.filter(endpoint=endpoint).values_list("group_id", "patterns")
    }
    if not rules or endpoint.access == Access.OPEN or actor.user is None:
        return None
    return tools_of(_groups(actor), rules, names)


def require_usable(actor: Actor, endpoint: Endpoint, tools: list[str] | None) -> None:
    """Raises Refused(INVALID_INPUT) where a key would do what rules do not let its maker do."""
    usable = usable_tools(actor, endpoint, Tool.objects.filter(endpoint=endpoint).values_list("name", flat=True))
    if usable is None:
        return
    if tools is None:
        raise refused_fields({"tools": "Rules limit what you may use here: name the tools of the key."})
    beyond = sorted(set(tools) - usable)
    if beyond:
        raise refused_fields({"tools": f"{', '.join(beyond)}: rules of this endpoint do not let you use this."})


def _groups(actor: Actor) -> frozenset[str]:
    if actor.role in _UNLIMITED:
        return frozenset({EVERY_TOOL})
    places = GroupMember.objects.filter(membership__user=actor.user)
    return frozenset(str(group_id) for group_id in places.values_list("group_id", flat=True))


def _checked(patterns: list[str]) -> list[str]:
    if not patterns or len(patterns) > MAXIMUM_PATTERNS:
        raise refused_fields({"patterns": f"Name 1 to {MAXIMUM_PATTERNS} tools."})
    for pattern in patterns:
        if not PATTERN.fullmatch(pattern):
            shown = ascii(pattern[:70])
            raise refused_fields({"patterns": f"{shown} is no tool's name, nor a beginning and one * at its end."})
    return sorted(set(patterns))
