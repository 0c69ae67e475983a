"""Definitions as clients get them: the tool, prompt or resource that each one is served as, and why one is not.

Runs inside `changing`, which publishes what comes of it.
"""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils import timezone

from billing.entitlements import Limit, limit
from core.refusals import Refused
from mcp_runtime import schemas
from mcp_runtime.curation.metadata import passed_icons, passed_meta
from mcp_runtime.curation.shape import Curation, read_curation
from mcp_runtime.curation.tools import MAXIMUM_DESCRIPTION, MAXIMUM_TITLE, curated_tool, public_name
from mcp_runtime.models import Definition, Form, Prompt, Resource, TaskSupport, Tool, Upstream
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from mcp_runtime.services.rates import require_rate
from mcp_runtime.sources.contract import InvalidConfig, PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.uris import InvalidUri, require_uri, variables_of
from tenants.validation import cleaned, json_problem

type Served = Tool | Prompt | Resource
MODELS: dict[str, type[Served]] = {Form.TOOL: Tool, Form.PROMPT: Prompt, Form.RESOURCE: Resource}


class Obstacle(Exception):
    """Why an approved definition cannot be served; the message is a sentence for its author."""


def document_of(draft: ToolDraft | PromptDraft | ResourceDraft) -> dict[str, Any]:
    """A draft as a definition stores it: without what is empty, so that a field added later changes no digest."""
    values = {field.name: getattr(draft, field.name) for field in fields(draft)}
    document: dict[str, Any] = msgspec.to_builtins(
        {name: value for name, value in values.items() if value not in ("", [], {}, None)}
    )
    return document


def serve(definition: Definition) -> None:
    """Serves the definition as it is pinned and curated, or takes it out of service; notes why where it has to."""
    served = MODELS[definition.form].objects.filter(definition=definition).first()
    obstacle = ""
    if definition.pinned is not None and definition.chosen:
        try:
            _write(definition, served or _new(definition))
        except (InvalidConfig, Obstacle, Refused) as reason:
            obstacle = str(reason)
    if served is not None and (obstacle or definition.pinned is None or not definition.chosen):
        served.delete()
    if definition.obstacle != obstacle:
        definition.obstacle = obstacle
        definition.save(update_fields=["obstacle", "updated_at"])


def withdraw(definitions: Collection[Definition]) -> None:
    """Takes definitions out of service, in as many statements as for one: there may be thousands."""
    for definition in definitions:
        definition.chosen, definition.obstacle = False, ""
    ids = [definition.pk for definition in definitions]
    for model in MODELS.values():
        model.objects.filter(definition__in=ids).delete()
    Definition.objects.filter(pk__in=ids).update(chosen=False, obstacle="", updated_at=timezone.now())


def _new(definition: Definition) -> Served:
    upstream = definition.upstream
    model = MODELS[definition.form]
    allowed = limit(upstream.tenant_id, Limit.TOOLS_PER_ENDPOINT)
    if allowed is not None and model.objects.filter(endpoint_id=upstream.endpoint_id).count() >= allowed:
        raise Obstacle(f"Your plan allows {allowed} of these on an endpoint.")
    return model(
        tenant_id=definition.tenant_id,
        endpoint_id=upstream.endpoint_id,
        definition=definition,
        source=upstream.kind,
        enabled=True,
    )


def _write(definition: Definition, served: Served) -> None:
    document = dict(definition.pinned or {})
    curation = read_curation(definition.curation)
    match served:
        case Tool():
            _write_tool(served, curated_tool(ToolDraft(**document), curation, definition.upstream.prefix))
        case Prompt():
            _write_prompt(served, PromptDraft(**document), curation, definition.upstream)
        case Resource():
            _write_resource(served, ResourceDraft(**document), curation)
    served.enabled = definition.upstream.enabled
    _save(served)


def _write_tool(tool: Tool, draft: ToolDraft) -> None:
    if draft.task not in TaskSupport.values:
        raise InvalidConfig({"curation.task": f"Choose one of {', '.join(TaskSupport.values)}."})
    require_rate(draft.calls_per_minute)
    _require_schemas(draft)
    _copy(tool, draft, "name title description input_schema output_schema annotations config task calls_per_minute")
    tool.meta, tool.icons = passed_meta(draft.meta), passed_icons(draft.icons)


def _require_schemas(draft: ToolDraft) -> None:
    try:
        schemas.require_object_schema(draft.input_schema)
        mirrored_arguments(draft.input_schema)
        if draft.output_schema is not None:
            schemas.require_object_schema(draft.output_schema)
    except (schemas.InvalidSchema, InvalidAnnotation) as error:
        raise Obstacle(str(error)) from None


def _write_prompt(prompt: Prompt, draft: PromptDraft, curation: Curation, upstream: Upstream) -> None:
    named = replace(draft, name=public_name(curation.name, upstream.prefix, draft.name))
    _copy(prompt, _texts_curated(named, curation), "name title description arguments config")
    prompt.meta, prompt.icons = passed_meta(draft.meta), passed_icons(draft.icons)


def _write_resource(resource: Resource, draft: ResourceDraft, curation: Curation) -> None:
    try:
        if draft.is_template:
            variables_of(draft.uri)
        else:
            require_uri(draft.uri)
    except InvalidUri as error:
        raise Obstacle(str(error)) from None
    named = replace(draft, name=(curation.name or draft.name)[:100])
    _copy(resource, _texts_curated(named, curation), "uri is_template name title description mime_type config")
    resource.meta, resource.icons = passed_meta(draft.meta), passed_icons(draft.icons)


def _texts_curated[DraftT: (PromptDraft, ResourceDraft)](draft: DraftT, curation: Curation) -> DraftT:
    title = draft.title if curation.title is None else curation.title
    description = draft.description if curation.description is None else curation.description
    return replace(draft, title=title[:MAXIMUM_TITLE], description=description[:MAXIMUM_DESCRIPTION])


def _copy(served: Served, draft: ToolDraft | PromptDraft | ResourceDraft, names: str) -> None:
    for name in names.split():
        setattr(served, name, getattr(draft, name))


def _save(served: Served) -> None:
    problem = next(filter(None, map(json_problem, _json_values(served))), "")
    if problem:
        raise Obstacle(problem)
    try:
        cleaned(served).save()
    except Refused as refused:
        raise Obstacle(_taken(served) or str(refused)) from None


def _json_values(served: Served) -> list[Any]:
    return [served.config, served.meta, served.icons]


def _taken(served: Served) -> str:
    """The sentence for a name that something else of the endpoint has already."""
    field: str = "uri" if isinstance(served, Resource) else "name"
    value = getattr(served, field)
    rows = type(served).objects.filter(endpoint_id=served.endpoint_id, **{field: value})
    is_taken = rows.exclude(definition=served.definition).exists()
    return f"Something else of this endpoint is called {value}. Give one of them another name." if is_taken else ""


def with_upstream(rows: QuerySet[Definition]) -> QuerySet[Definition]:
    """Definitions with their upstream and its tenant, but without the upstream's material, which may be 16 MiB."""
    return rows.select_related("upstream__tenant").defer("upstream__material")


def serve_all(upstream: Upstream) -> None:
    """Serves each definition of an upstream."""
    for definition in with_upstream(Definition.objects.filter(upstream=upstream)).order_by("name"):
        serve(definition)
