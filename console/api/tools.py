"""The tools of an endpoint, and the kinds of tool there are."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool, StrictInt

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import TaskSupport, Tool
from mcp_runtime.services import tools
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.builtin.source import BuiltinSource
from mcp_runtime.sources.contract import ToolDraft, ToolSource
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES, SOURCES
from tenants.access import Permission

router = Router(tags=["Tools"])
PATH = "/endpoints/{slug:endpoint}/tools"


class ToolOut(Schema):
    """One tool: what clients see of it, and the source that answers its calls."""

    id: UUID
    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    annotations: dict[str, Any]
    meta: dict[str, Any] = Field(description="`_meta` of the tool, passed on as it is.")
    icons: list[dict[str, Any]] = Field(description="Icons of the protocol: src, mimeType, sizes, theme.")
    source: str
    definition_id: UUID | None = Field(description="Of one that is imported: it is changed there alone.")
    config: dict[str, Any]
    task: str
    calls_per_minute: int | None = Field(description="How many calls it takes a minute; null: no limit of its own.")
    secrets: list[str] = Field(description="The names of the stored secrets; their values are never shown.")
    enabled: bool
    created_at: Moment
    updated_at: Moment

    @staticmethod
    def resolve_secrets(tool: Tool) -> list[str]:
        return sorted(tool.secrets)


class ToolIn(Body):
    """A new tool."""

    source: str = Field(description="The kind of tool; GET /sources lists them.")
    name: str = Field(description="1 to 64 letters, digits, underscores, dots and hyphens.")
    title: str = Field(default="", description="At most 80 characters.")
    description: str = Field(default="", description="At most 4,000 characters; what a model reads to choose the tool.")
    input_schema: dict[str, Any] = Field(
        default={"type": "object", "additionalProperties": False},
        description="JSON Schema 2020-12 of the arguments; its root is an object.",
    )
    output_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of the structured result.")
    annotations: dict[str, bool] = Field(
        default={}, description="readOnlyHint, destructiveHint, idempotentHint, openWorldHint."
    )
    meta: dict[str, Any] = Field(
        default={},
        description="Passed on to clients as `_meta`; `ui` names the resource below ui:// for its results (MCP Apps).",
    )
    icons: list[dict[str, Any]] = Field(
        default=[], description="Each with a src: an https URL, or an image as a data: URI of at most 64 KiB."
    )
    config: dict[str, Any] = Field(default={}, description="What the source needs; GET /sources tells.")
    secrets: dict[str, str] = Field(default={}, description="Values that are stored sealed and never shown again.")
    task: TaskSupport = Field(
        default=TaskSupport.FORBIDDEN,
        description="Whether a call may, or must, become a task that outlives its request.",
    )
    calls_per_minute: StrictInt | None = Field(
        default=None, description="How many calls it takes a minute, 1 to 1,000,000; null: no limit of its own."
    )
    enabled: StrictBool = True


class ToolPatch(Body):
    """What to change; what is left out stays. A secret that is set to an empty text is removed."""

    name: str = Field(default_factory=str)
    title: str = Field(default_factory=str)
    description: str = Field(default_factory=str)
    input_schema: dict[str, Any] = Field(default_factory=dict)
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, bool] = Field(default_factory=dict)
    meta: dict[str, Any] = Field(default_factory=dict)
    icons: list[dict[str, Any]] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    task: TaskSupport = Field(default_factory=lambda: TaskSupport.FORBIDDEN)
    calls_per_minute: StrictInt | None = None
    enabled: StrictBool = Field(default_factory=bool)


class Tools(Page[ToolOut]):
    """Tools, the earliest first."""


class FunctionOut(Schema):
    """A function that the platform answers itself: `config` is `{"function": name}`."""

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None


class SourceOut(Schema):
    """A kind of tool, prompt or resource."""

    kind: str
    title: str


class BuiltinOut(SourceOut):
    """Tools that need no upstream."""

    functions: list[FunctionOut]


class Sources(Schema):
    """The kinds of tool there are, and those of prompts and resources."""

    items: list[BuiltinOut | SourceOut]
    prompts: list[SourceOut]
    resources: list[SourceOut]


@router.get("/sources", response=answers(200, Sources), summary="List the kinds of tool, prompt and resource")
def source_list(request: ApiRequest) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    return {
        "items": [_described(SOURCES[kind]) for kind in sorted(SOURCES)],
        "prompts": PROMPT_SOURCES.values(),
        "resources": RESOURCE_SOURCES.values(),
    }


@router.get(PATH, response=answers(200, Tools, 404, 422), summary="List the tools of an endpoint")
def tool_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(Tool.objects.filter(endpoint=endpoint_for(endpoint)), paging)


@router.post(PATH, response=written(201, ToolOut, 404), summary="Add a tool")
def tool_create(request: ApiRequest, endpoint: str, payload: ToolIn) -> Status[Tool]:
    """Clients can call it within a second."""
    given = payload.model_dump(exclude={"source", "enabled"})
    with tenant_context(request.auth.tenant.id):
        tool = tools.tool_create(
            actor=request.auth,
            endpoint_slug=endpoint,
            source=payload.source,
            draft=ToolDraft(**given),
            enabled=payload.enabled,
        )
    return Status(201, tool)


@router.get(PATH + "/{uuid:tool_id}", response=answers(200, ToolOut, 404), summary="Show a tool")
def tool_show(request: ApiRequest, endpoint: str, tool_id: UUID) -> Tool:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return tools.tool_for(endpoint_for(endpoint), tool_id)


@router.patch(PATH + "/{uuid:tool_id}", response=written(200, ToolOut, 404), summary="Change a tool")
def tool_change(request: ApiRequest, endpoint: str, tool_id: UUID, payload: ToolPatch) -> Tool:
    """Its source stays: another source is another tool. One that is imported is changed at its definition."""
    request.auth.require(Permission.EDIT_ENDPOINTS)
    given = payload.model_dump(exclude_unset=True)
    with tenant_context(request.auth.tenant.id):
        current = tools.tool_for(endpoint_for(endpoint, lock=True), tool_id, lock=True)
        enabled = given.pop("enabled", current.enabled)
        return tools.tool_update(
            actor=request.auth,
            endpoint_slug=endpoint,
            tool_id=tool_id,
            draft=ToolDraft(**(_as_written(current) | given)),
            enabled=enabled,
        )


@router.delete(PATH + "/{uuid:tool_id}", response=answers(204, None, 404, 409), summary="Delete a tool")
def tool_delete(request: ApiRequest, endpoint: str, tool_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        tools.tool_delete(actor=request.auth, endpoint_slug=endpoint, tool_id=tool_id)
    return Status(204, None)


def _described(source: ToolSource) -> BuiltinOut | SourceOut:
    if source.kind != BuiltinSource.kind:
        return SourceOut(kind=source.kind, title=source.title)
    functions = [FunctionOut.from_orm(function) for function in CATALOGUE.values()]
    return BuiltinOut(kind=source.kind, title=source.title, functions=functions)


def _as_written(tool: Tool) -> dict[str, Any]:
    """The stored tool as its author's draft; secrets are left out and so keep their values."""
    names = ("name", "title", "description", "input_schema", "output_schema", "annotations", "config", "task")
    return {name: getattr(tool, name) for name in (*names, "meta", "icons", "calls_per_minute")}
