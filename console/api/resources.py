"""The resources of an endpoint, single and by template."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import Resource
from mcp_runtime.services import content
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.sources.contract import ResourceDraft
from tenants.access import Permission

router = Router(tags=["Resources"])
PATH = "/endpoints/{slug:endpoint}/resources"
URI = "A URI such as notes://today. Those below skill:// are the files of skills, those below ui:// HTML of MCP Apps."
IS_TEMPLATE = "Whether `uri` is a template of URIs (RFC 6570) with 1 to 10 variables, such as notes://{day}."


class ResourceOut(Schema):
    """One resource, or a template of them: what clients see of it, and the source that answers reads."""

    id: UUID
    uri: str
    is_template: bool = Field(description=IS_TEMPLATE)
    name: str
    title: str
    description: str
    mime_type: str
    meta: dict[str, Any] = Field(description="`_meta` of the resource and of what is read, passed on as it is.")
    icons: list[dict[str, Any]] = Field(description="Icons of the protocol: src, mimeType, sizes, theme.")
    source: str
    definition_id: UUID | None = Field(description="Of one that is imported: it is changed there alone.")
    config: dict[str, Any]
    enabled: bool
    created_at: Moment
    updated_at: Moment


class ResourceIn(Body):
    """A new resource."""

    source: str = Field(default="static", description="The kind of resource: static has its content written down.")
    uri: str = Field(description=URI)
    is_template: StrictBool = Field(default=False, description=IS_TEMPLATE)
    name: str = Field(description="At most 100 characters; of a SKILL.md it is the skill's.")
    title: str = Field(default="", description="At most 80 characters.")
    description: str = Field(default="", description="At most 4,000 characters; of a SKILL.md it is the skill's.")
    mime_type: str = Field(default="", description="Such as text/markdown; below ui:// it is that of MCP Apps.")
    meta: dict[str, Any] = Field(
        default={},
        description="Passed on to clients as `_meta`; `ui` of a resource below ui:// says what its HTML may load.",
    )
    icons: list[dict[str, Any]] = Field(
        default=[], description="Each with a src: an https URL, or an image as a data: URI of at most 64 KiB."
    )
    config: dict[str, Any] = Field(
        default={},
        description="Of static: either `text`, in which {name} stands for the template's variable of that name, or"
        " `blob`, bytes in base64; at most 512 Ki characters in all. `completions`, by variable the values to propose.",
    )
    enabled: StrictBool = True


class ResourcePatch(Body):
    """What to change; what is left out stays. `config` is replaced whole."""

    uri: str = Field(default_factory=str)
    is_template: StrictBool = Field(default_factory=bool)
    name: str = Field(default_factory=str)
    title: str = Field(default_factory=str)
    description: str = Field(default_factory=str)
    mime_type: str = Field(default_factory=str)
    meta: dict[str, Any] = Field(default_factory=dict)
    icons: list[dict[str, Any]] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    enabled: StrictBool = Field(default_factory=bool)


class Resources(Page[ResourceOut]):
    """Resources, the earliest first."""


@router.get(PATH, response=answers(200, Resources, 404, 422), summary="List the resources of an endpoint")
def resource_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(Resource.objects.filter(endpoint=endpoint_for(endpoint)), paging)


@router.post(PATH, response=written(201, ResourceOut, 404), summary="Add a resource")
def resource_create(request: ApiRequest, endpoint: str, payload: ResourceIn) -> Status[Resource]:
    """Clients can read it within a second."""
    with tenant_context(request.auth.tenant.id):
        resource = content.resource_create(
            actor=request.auth,
            endpoint_slug=endpoint,
            source=payload.source,
            draft=ResourceDraft(**payload.model_dump(exclude={"source", "enabled"})),
            enabled=payload.enabled,
        )
    return Status(201, resource)


@router.get(PATH + "/{uuid:resource_id}", response=answers(200, ResourceOut, 404), summary="Show a resource")
def resource_show(request: ApiRequest, endpoint: str, resource_id: UUID) -> Resource:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return content.resource_for(endpoint_for(endpoint), resource_id)


@router.patch(PATH + "/{uuid:resource_id}", response=written(200, ResourceOut, 404), summary="Change a resource")
def resource_change(request: ApiRequest, endpoint: str, resource_id: UUID, payload: ResourcePatch) -> Resource:
    """Clients that subscribed to it are told. Its source stays: another source is another resource."""
    request.auth.require(Permission.EDIT_ENDPOINTS)
    given = payload.model_dump(exclude_unset=True)
    with tenant_context(request.auth.tenant.id):
        current = content.resource_for(endpoint_for(endpoint, lock=True), resource_id)
        return content.resource_update(
            actor=request.auth,
            endpoint_slug=endpoint,
            resource_id=resource_id,
            enabled=given.pop("enabled", current.enabled),
            draft=ResourceDraft(**(content.as_written(current) | given)),
        )


@router.delete(PATH + "/{uuid:resource_id}", response=answers(204, None, 404, 409), summary="Delete a resource")
def resource_delete(request: ApiRequest, endpoint: str, resource_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        content.resource_delete(actor=request.auth, endpoint_slug=endpoint, resource_id=resource_id)
    return Status(204, None)
