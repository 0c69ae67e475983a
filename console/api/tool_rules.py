"""Groups of members and clients, and rules of which tools they may use."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import ToolRule
from mcp_runtime.selectors import tool_rules_of
from mcp_runtime.services import tool_rules
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission
from tenants.authorization.registering import MAXIMUM_CLIENTS
from tenants.models import Group
from tenants.selectors import group_clients, group_emails, group_of
from tenants.services import groups
from tenants.services.client_groups import group_clients_set

router = Router(tags=["Groups and rules"])
PATH = "/endpoints/{slug:endpoint}/rules"


class GroupOut(Schema):
    """A group of members."""

    id: UUID
    name: str
    source: str = Field(description="Who says who is in it: `manual`, `scim` or `sso`.")
    created_at: Moment


class GroupIn(Body):
    """A new group."""

    name: str = Field(description="1 to 200 characters.")


class GroupMembers(Body):
    """Everybody in a group."""

    emails: list[str] = Field(description="The addresses of members.", max_length=groups.MAXIMUM_MEMBERS)


class GroupClients(Body):
    """Every client in a group."""

    clients: list[UUID] = Field(
        description="The entries of clients that act for themselves.", max_length=MAXIMUM_CLIENTS
    )


class Groups(Page[GroupOut]):
    """Groups, the earliest first."""


class ToolRuleOut(Schema):
    """What the members of a group may use. `group_id` is null where the group was deleted: it lets nobody in."""

    id: UUID
    group_id: UUID | None
    group_name: str
    patterns: list[str]
    created_at: Moment


class ToolRuleIn(Body):
    """A rule, in place of the one that the group has."""

    group_id: UUID
    patterns: list[str] = Field(description="Names of tools; a `*` at the end stands for whatever follows.")


class ToolRules(Page[ToolRuleOut]):
    """Rules, the earliest first."""


@router.get("/groups", response=answers(200, Groups, 422), summary="List the groups of members")
def group_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(Group.objects.all(), paging)


@router.post("/groups", response=written(201, GroupOut), summary="Make a group")
def group_create(request: ApiRequest, payload: GroupIn) -> Status[Group]:
    with tenant_context(request.auth.tenant.id):
        return Status(201, groups.group_create(actor=request.auth, name=payload.name))


@router.get("/groups/{uuid:group_id}/members", response=answers(200, GroupMembers, 404), summary="Who is in a group")
def group_members(request: ApiRequest, group_id: UUID) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return {"emails": group_emails(group_of(group_id))}


@router.put("/groups/{uuid:group_id}/members", response=written(200, GroupMembers, 404), summary="Fill a group")
def group_fill(request: ApiRequest, group_id: UUID, payload: GroupMembers) -> dict[str, Any]:
    """Workers go by it within a second."""
    with tenant_context(request.auth.tenant.id):
        group = groups.group_fill(actor=request.auth, group_id=group_id, emails=payload.emails)
        return {"emails": group_emails(group)}


@router.get("/groups/{uuid:group_id}/clients", response=answers(200, GroupClients, 404), summary="Clients in a group")
def group_clients_show(request: ApiRequest, group_id: UUID) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return {"clients": group_clients(group_of(group_id))}


@router.put(
    "/groups/{uuid:group_id}/clients", response=written(200, GroupClients, 404), summary="Set a group's clients"
)
def group_clients_replace(request: ApiRequest, group_id: UUID, payload: GroupClients) -> dict[str, Any]:
    """Clients that act for themselves; one that acts for people has the groups of these. It holds within a second."""
    with tenant_context(request.auth.tenant.id):
        group = group_clients_set(actor=request.auth, group_id=group_id, clients=payload.clients)
        return {"clients": group_clients(group)}


@router.delete("/groups/{uuid:group_id}", response=answers(204, None, 404, 409), summary="Delete a group")
def group_delete(request: ApiRequest, group_id: UUID) -> Status[None]:
    """Rules that name it let nobody in any more."""
    with tenant_context(request.auth.tenant.id):
        groups.group_delete(actor=request.auth, group_id=group_id)
    return Status(204, None)


@router.get(PATH, response=answers(200, ToolRules, 404, 422), summary="List the rules of an endpoint")
def tool_rule_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    """Without rules everybody may use every tool; with any, members and clients use what their groups' rules name."""
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(tool_rules_of(endpoint_for(endpoint)), paging)


@router.post(PATH, response=written(200, ToolRuleOut, 404), summary="Set the rule of a group")
def tool_rule_set(request: ApiRequest, endpoint: str, payload: ToolRuleIn) -> ToolRule:
    """Workers go by it within a second."""
    with tenant_context(request.auth.tenant.id):
        return tool_rules.tool_rule_set(actor=request.auth, endpoint_slug=endpoint, **payload.model_dump())


@router.delete(PATH + "/{uuid:rule_id}", response=answers(204, None, 404, 409), summary="Delete a rule")
def tool_rule_delete(request: ApiRequest, endpoint: str, rule_id: UUID) -> Status[None]:
    """After the last one every member may use every tool again."""
    with tenant_context(request.auth.tenant.id):
        tool_rules.tool_rule_delete(actor=request.auth, endpoint_slug=endpoint, rule_id=rule_id)
    return Status(204, None)
