"""Why a member or a key may call a tool, or not."""

from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field

from console.api.requests import ApiRequest
from console.api.schemas import answers
from core.tenancy import tenant_context
from mcp_runtime.explaining import Explanation, explain_key, explain_member
from mcp_runtime.selectors import access_key_of
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission
from tenants.selectors import member_of
from tenants.validation import refused_fields

router = Router(tags=["Groups and rules"])


class CheckOut(Schema):
    """One thing that a worker asks of a call, and what it finds now."""

    passed: bool
    sentence: str


class ExplanationOut(Schema):
    """Whether a call would begin: the checks in a worker's order, and the first that says no."""

    checks: list[CheckOut]
    refusal: CheckOut | None


class Asked(Schema):
    """Who calls which tool: a member or a key."""

    tool: str = Field(default="", max_length=64, description="The tool's name, which has to be given.")
    member: UUID | None = Field(default=None, description="A member's user id.")
    key: UUID | None = Field(default=None, description="An access key's id.")


@router.get(
    "/endpoints/{slug:endpoint}/explanation",
    response=answers(200, ExplanationOut, 404, 422),
    summary="Why somebody may call a tool, or not",
)
def explanation_show(request: ApiRequest, endpoint: str, asked: Query[Asked]) -> Explanation:
    """What is asked of the address that a call comes from is told and not judged."""
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        found = endpoint_for(endpoint)
        if not asked.tool:
            raise refused_fields({"tool": "Name a tool."})
        if asked.member is not None and asked.key is None:
            member = member_of(asked.member)
            return explain_member(endpoint=found, membership=member, tool=asked.tool, address=None)
        if asked.key is not None and asked.member is None:
            key = access_key_of(found, asked.key)
            return explain_key(endpoint=found, access_key=key, tool=asked.tool, address=None)
    raise refused_fields({"member": "Name either a member or a key."})
