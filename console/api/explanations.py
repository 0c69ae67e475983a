"""Why a member, a key or a client may call a tool, or not."""

from functools import partial
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field

from console.api.requests import ApiRequest
from console.api.schemas import Body, answers, written
from console.oauth.resources import EndpointResources
from core.tenancy import tenant_context
from mcp_runtime.explaining import Explanation, explain_client, explain_key, explain_member, explain_token
from mcp_runtime.models import Endpoint
from mcp_runtime.selectors import access_key_of
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission
from tenants.selectors import client_of_its_own, member_of
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
    """Who calls which tool: a member, a key, or a client that acts for itself."""

    tool: str = Field(default="", max_length=64, description="The tool's name, which has to be given.")
    member: UUID | None = Field(default=None, description="A member's user id.")
    key: UUID | None = Field(default=None, description="An access key's id.")
    client: UUID | None = Field(default=None, description="The id of a client's entry.")


class PresentedIn(Body):
    """Who presents a token calls which tool."""

    tool: str = Field(min_length=1, max_length=64, description="The tool's name.")
    token: str = Field(max_length=16_384, description="An access token of an issuer that you trust.")


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
        if len([one for one in (asked.member, asked.key, asked.client) if one is not None]) != 1:
            raise refused_fields({"member": "Name either a member, a key or a client."})
        return _explained(found, asked)


@router.post(
    "/endpoints/{slug:endpoint}/explanation",
    response=written(200, ExplanationOut, 404),
    summary="Why whoever presents a trusted issuer's token may call a tool, or not",
)
def explanation_of_token(request: ApiRequest, endpoint: str, payload: PresentedIn) -> Explanation:
    """Nothing of the token is kept."""
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        found, known = endpoint_for(endpoint), EndpointResources(request.auth.tenant.id)
        return explain_token(
            endpoint=found, token=payload.token, tool=payload.tool, is_address=partial(known.is_at, endpoint=found)
        )


def _explained(endpoint: Endpoint, asked: Asked) -> Explanation:
    if asked.member is not None:
        membership = member_of(asked.member)
        return explain_member(endpoint=endpoint, membership=membership, tool=asked.tool, address=None)
    if asked.client is not None:
        client = client_of_its_own(asked.client)
        return explain_client(endpoint=endpoint, client=client, tool=asked.tool, address=None)
    assert asked.key is not None  # noqa: S101  one of three is named
    key = access_key_of(endpoint, asked.key)
    return explain_key(endpoint=endpoint, access_key=key, tool=asked.tool, address=None)
