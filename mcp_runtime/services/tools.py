"""Tools: create, change, delete. Each service runs inside the actor's tenant context."""

from typing import Any
from uuid import UUID, uuid4

from billing.entitlements import Limit, require_room
from core import crypto, refusals
from core.refusals import Refused
from mcp_runtime import schemas
from mcp_runtime.models import Endpoint, TaskSupport, Tool
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.imported import require_own, switched_at_its_definition
from mcp_runtime.services.metadata import require_tool_metadata
from mcp_runtime.services.rates import require_rate
from mcp_runtime.snapshots.structs import SECRETS_PURPOSE, secrets_bound_to
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft
from mcp_runtime.sources.registry import SOURCES
from tenants.access import Actor
from tenants.validation import cleaned, json_problem, refused_fields

MAXIMUM_SECRET_CHARACTERS = 8_192
HINTS = frozenset({"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"})


def tool_for(endpoint: Endpoint, tool_id: UUID, *, lock: bool = False) -> Tool:
    """A tool of this endpoint; raises Refused(NOT_FOUND)."""
    rows = Tool.objects.select_for_update() if lock else Tool.objects.all()
    tool = rows.filter(endpoint=endpoint, pk=tool_id).first()
    if tool is None:
        raise Refused(refusals.NOT_FOUND)
    return tool


def tool_create(*, actor: Actor, endpoint_slug: str, source: str, draft: ToolDraft, enabled: bool = True) -> Tool:
    """Adds a tool; clients can call it within a second. Raises Refused(INVALID_INPUT) with `data["fields"]`."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        used = Tool.objects.filter(endpoint=endpoint).count
        require_room(endpoint.tenant_id, Limit.TOOLS_PER_ENDPOINT, used, what="tools on an endpoint")
        tool = Tool(id=uuid4(), tenant=actor.tenant, endpoint=endpoint, source=source, enabled=enabled)
        _write(tool, draft)
        tool.save(force_insert=True)
        return tool


def tool_update(*, actor: Actor, endpoint_slug: str, tool_id: UUID, draft: ToolDraft, enabled: bool = True) -> Tool:
    """Changes a tool. A secret that the draft leaves out keeps its stored value; an empty one is removed.

    Raises Refused: INVALID_INPUT with `data["fields"]`, NOT_FOUND, CONFLICT for one that is imported.
    """
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        tool = tool_for(endpoint, tool_id, lock=True)
        require_own(tool)
        tool.enabled = enabled
        _write(tool, draft)
        tool.save()
        return tool


def tool_switch(*, actor: Actor, endpoint_slug: str, tool_id: UUID, enabled: bool) -> Tool:
    """Switches a tool on or off: clients do not see one that is off. It keeps everything else.

    One that is imported is chosen at its definition, or no longer, and is not there while it is off.
    """
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        tool = tool_for(endpoint, tool_id, lock=True)
        if switched_at_its_definition(actor=actor, endpoint_slug=endpoint_slug, item=tool, enabled=enabled):
            return tool
        tool.enabled = enabled
        tool.save(update_fields=["enabled", "updated_at"])
        return tool


def tool_delete(*, actor: Actor, endpoint_slug: str, tool_id: UUID) -> None:
    """Removes a tool from its endpoint. Raises Refused: NOT_FOUND, CONFLICT for one that is imported."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        tool = tool_for(endpoint, tool_id, lock=True)
        require_own(tool)
        tool.delete()


def _write(tool: Tool, draft: ToolDraft) -> None:
    draft = _checked(tool.source, draft)
    tool.name = draft.name
    tool.title = draft.title.strip()
    tool.description = draft.description.strip()
    tool.input_schema = draft.input_schema
    tool.output_schema = draft.output_schema
    tool.annotations = draft.annotations
    tool.meta = draft.meta
    tool.icons = draft.icons
    tool.config = draft.config
    tool.task = draft.task
    tool.calls_per_minute = draft.calls_per_minute
    tool.secrets = _sealed(tool, draft.secrets)
    cleaned(tool)


def _checked(source: str, draft: ToolDraft) -> ToolDraft:
    if source not in SOURCES:
        raise refused_fields({"source": f"{source} is not a kind of tool. Choose one of {', '.join(sorted(SOURCES))}."})
    _require_storable(draft)
    try:
        draft = SOURCES[source].check(draft)
    except InvalidConfig as error:
        raise refused_fields(error.fields) from None
    _require_annotations(draft.annotations)
    if draft.task not in TaskSupport.values:
        raise refused_fields({"task": f"Choose one of {', '.join(TaskSupport.values)}."})
    require_rate(draft.calls_per_minute)
    require_tool_metadata(draft)
    _require_schema("input_schema", draft.input_schema)
    _require_headers(draft.input_schema)
    if draft.output_schema is not None:
        _require_schema("output_schema", draft.output_schema)
    return draft


def _require_annotations(annotations: dict[str, Any]) -> None:
    """The hints of MCP's ToolAnnotations, all but `title`, which is a field of its own."""
    for name, value in annotations.items():
        if name not in HINTS or not isinstance(value, bool):
            raise refused_fields({"annotations": f"{name}: set {', '.join(sorted(HINTS))} to true or false."})


def _require_storable(draft: ToolDraft) -> None:
    """Before a source looks at it: what the source's own check would stumble over."""
    for name in ("config", "secrets", "annotations", "meta", "icons", "input_schema", "output_schema"):
        if problem := json_problem(getattr(draft, name)):
            raise refused_fields({name: problem})


def _require_schema(field: str, schema: object) -> None:
    try:
        schemas.require_object_schema(schema)
    except schemas.InvalidSchema as error:
        raise refused_fields({field: str(error)}) from None


def _require_headers(schema: dict[str, Any]) -> None:
    try:
        mirrored_arguments(schema)
    except InvalidAnnotation as error:
        raise refused_fields({"input_schema": str(error)}) from None


def _sealed(tool: Tool, secrets: dict[str, str]) -> dict[str, str]:
    if any(len(value) > MAXIMUM_SECRET_CHARACTERS for value in secrets.values()):
        raise refused_fields({"secrets": f"A secret has at most {MAXIMUM_SECRET_CHARACTERS} characters."})
    bound_to = secrets_bound_to(str(tool.tenant_id), str(tool.pk))
    kept = {name: value for name, value in tool.secrets.items() if name not in secrets}
    new = {
        name: crypto.seal(SECRETS_PURPOSE, value.encode(), bound_to=bound_to)
        for name, value in secrets.items()
        if value
    }
    return kept | new
