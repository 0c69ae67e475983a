"""What upstreams offer: looked at, approved, chosen, curated."""

from typing import Any, TypedDict
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field, StrictBool

from console.api import upstreams
from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import Definition, Form, Prompt, Resource, Tool, Upstream
from mcp_runtime.services import definitions
from mcp_runtime.services.endpoints import changing, endpoint_for
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.trust.differences import differences
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.trust.scan import RULES
from mcp_runtime.upstream_selectors import Standing, Wanted, definitions_matching, served_of, shown_of
from tenants.access import Actor, Permission
from tenants.validation import refused_fields

router = Router(tags=["Definitions"])
PATH = upstreams.ONE + "/definitions"
MAXIMUM_AT_ONCE = 10_000

type Served = dict[UUID, Tool | Prompt | Resource]


class FindingOut(Schema):
    """One thing to look at before approving."""

    rule: str
    sentence: str = Field(description="What the rule says.")
    place: str = Field(description="Where, such as input_schema.properties.id.default.")
    excerpt: str


class DefinitionOut(Schema):
    """One thing that an upstream offers."""

    id: UUID
    form: Form
    name: str = Field(description="The upstream's own name, or URI.")
    state: str = Field(description="new, approved, drifted or gone.")
    digest: str = Field(description="Of what is to be decided on: send it back to approve.")
    chosen: bool = Field(description="Whether clients get it, once it is approved.")
    served_as: str | None = Field(description="The name or URI that clients see; null: they do not see it.")
    obstacle: str = Field(description="Why it is approved and chosen, and not served all the same.")
    findings: list[FindingOut]
    curation: dict[str, Any]
    approved_at: Moment | None
    created_at: Moment
    updated_at: Moment


class DifferenceOut(Schema):
    """A member in which what is offered differs from what is pinned; lines begin with -, + or a space, @ is a gap."""

    member: str
    lines: list[str]


class DefinitionWhole(DefinitionOut):
    """The same, with what is served and what is offered now."""

    pinned: dict[str, Any] | None = Field(description="What was approved, and is served.")
    offered: dict[str, Any] | None = Field(description="What the upstream says now; null: what is pinned.")
    differences: list[DifferenceOut]


class Where(TypedDict):
    """How services are told whose definition is meant."""

    actor: Actor
    endpoint_slug: str
    upstream_slug: str


class DefinitionPatch(Body):
    """What to change; `curation` is replaced whole."""

    chosen: StrictBool = Field(default_factory=bool)
    curation: dict[str, Any] = Field(
        default_factory=dict,
        description="name, title, description, arguments (fixed, hidden, description), project (JSON Pointers),"
        " maximum_bytes, timeout, examples, annotations, task, calls_per_minute.",
    )


class ApprovalIn(Body):
    """What to approve: each definition by its id with the digest of what was looked at, or all in which nothing was
    found."""

    digests: dict[UUID, str] = Field(default={}, max_length=MAXIMUM_AT_ONCE)
    all_clean: StrictBool = False


class ApprovedOut(Schema):
    """A definition that was approved; one that is gone is forgotten with that."""

    id: UUID
    name: str
    served_as: str | None
    obstacle: str


class Approved(Schema):
    """All that were approved."""

    items: list[ApprovedOut]


class ChoiceIn(Body):
    """Definitions that clients get from now on, or no longer."""

    ids: list[UUID] = Field(max_length=MAXIMUM_AT_ONCE)
    chosen: StrictBool


class Chosen(Schema):
    """How many were chosen, or no longer."""

    changed: int


class Filter(Paging):
    """Which definitions to list."""

    state: Standing | None = Field(default=None, description="waiting: new, drifted or gone.")
    form: Form | None = None
    findings: bool | None = Field(default=None, description="Whether there is something to look at in it.")
    chosen: bool | None = None
    q: str = Field(default="", max_length=100, description="Part of its name or description.")


class Definitions(Page[DefinitionOut]):
    """Definitions, the earliest first."""


@router.get(PATH, response=answers(200, Definitions, 404, 422), summary="List what an upstream offers")
def definition_list(request: ApiRequest, endpoint: str, upstream: str, wanted: Query[Filter]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    query = wanted.q.replace("\x00", "")
    asked = Wanted(query, wanted.state, wanted.form, wanted.findings, wanted.chosen)
    with tenant_context(request.auth.tenant.id):
        page = page_of(definitions_matching(upstream_for(endpoint_for(endpoint), upstream), asked), wanted)
        served = served_of(page["items"])
        return page | {"items": [_shown(definition, served) for definition in page["items"]]}


@router.get(PATH + "/{uuid:definition_id}", response=answers(200, DefinitionWhole, 404), summary="Show a definition")
def definition_show(request: ApiRequest, endpoint: str, upstream: str, definition_id: UUID) -> dict[str, Any]:
    """With what clients see, what the upstream says now, and how they differ."""
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return _whole(upstream_for(endpoint_for(endpoint), upstream), definition_id)


@router.patch(
    PATH + "/{uuid:definition_id}", response=written(200, DefinitionWhole, 404), summary="Choose or curate a definition"
)
def definition_change(
    request: ApiRequest, endpoint: str, upstream: str, definition_id: UUID, payload: DefinitionPatch
) -> dict[str, Any]:
    given = payload.model_dump(exclude_unset=True)
    where = Where(actor=request.auth, endpoint_slug=endpoint, upstream_slug=upstream)
    with tenant_context(request.auth.tenant.id):
        with changing(actor=request.auth, endpoint_slug=endpoint) as held:
            definitions.definition_for(upstream_for(held, upstream), definition_id)
            if "chosen" in given:
                definitions.definitions_choose(ids=[definition_id], chosen=given["chosen"], **where)
            if "curation" in given:
                definitions.definition_curate(definition_id=definition_id, curation=given["curation"], **where)
        return _whole(upstream_for(endpoint_for(endpoint), upstream), definition_id)


@router.post(upstreams.ONE + "/approvals", response=written(200, Approved, 404), summary="Approve definitions")
def definition_approve(request: ApiRequest, endpoint: str, upstream: str, payload: ApprovalIn) -> dict[str, Any]:
    """What is approved is pinned and served as it was looked at; what has changed since is refused with 409."""
    if payload.all_clean == bool(payload.digests):
        raise refused_fields({"digests": "Name definitions with their digests, or say all_clean."})
    with tenant_context(request.auth.tenant.id):
        approved = definitions.definitions_approve(
            actor=request.auth,
            endpoint_slug=endpoint,
            upstream_slug=upstream,
            digests=None if payload.all_clean else payload.digests,
        )
        # Those that are gone have no id any more.
        ids = list(payload.digests) or [definition.pk for definition in approved]
        served = served_of(definition for definition in approved if not definition.is_gone)
        return {"items": [_approved(*pair, served) for pair in zip(ids, approved, strict=True)]}


@router.post(upstreams.ONE + "/choices", response=written(200, Chosen, 404), summary="Serve definitions, or no longer")
def definition_choose(request: ApiRequest, endpoint: str, upstream: str, payload: ChoiceIn) -> dict[str, int]:
    """Those that are approved are served; those that are not will be once they are."""
    with tenant_context(request.auth.tenant.id):
        changed = definitions.definitions_choose(
            actor=request.auth, endpoint_slug=endpoint, upstream_slug=upstream, ids=payload.ids, chosen=payload.chosen
        )
        return {"changed": len(changed)}


def _whole(upstream: Upstream, definition_id: UUID) -> dict[str, Any]:
    definition = definitions.definition_for(upstream, definition_id)
    pinned, offered = definition.pinned, definition.offered
    compared = differences(pinned, offered) if pinned is not None and offered is not None else []
    return _shown(definition, served_of([definition])) | {"pinned": pinned, "offered": offered, "differences": compared}


def _shown(definition: Definition, served: Served) -> dict[str, Any]:
    """All that an answer says of a definition, read now, while the tenant's context is open."""
    names = ("id", "form", "name", "state", "chosen", "obstacle", "curation", "approved_at", "created_at", "updated_at")
    return {name: getattr(definition, name) for name in names} | {
        "digest": digest_of(shown_of(definition)),
        "served_as": _served_as(definition, served),
        "findings": [finding | {"sentence": RULES.get(finding["rule"], "")} for finding in definition.findings],
    }


def _approved(definition_id: UUID, definition: Definition, served: Served) -> dict[str, Any]:
    names = {"name": definition.name, "obstacle": definition.obstacle}
    return names | {"id": definition_id, "served_as": _served_as(definition, served)}


def _served_as(definition: Definition, served: Served) -> str | None:
    item = served.get(definition.pk)
    return str(item) if item is not None and item.enabled else None
