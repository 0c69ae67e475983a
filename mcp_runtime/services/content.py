"""Prompts and resources: create, change, delete. Each service runs inside the actor's tenant context."""

from typing import Any
from uuid import UUID, uuid4

from billing.plans import plan_of
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, Prompt, Resource
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.metadata import require_prompt_metadata, require_resource_metadata
from mcp_runtime.services.publish import publish
from mcp_runtime.skills import SCHEME, InvalidSkill, require_path
from mcp_runtime.sources.contract import InvalidConfig, PromptDraft, ResourceDraft
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES
from mcp_runtime.uris import InvalidUri, require_uri, variables_of
from tenants.access import Actor, Permission
from tenants.validation import cleaned, json_problem, refused_fields

MAXIMUM_ARGUMENTS = 50


def prompt_create(*, actor: Actor, endpoint_slug: str, source: str, draft: PromptDraft, enabled: bool = True) -> Prompt:
    """Adds a prompt; clients can get it within a second. Raises Refused(INVALID_INPUT) with `data["fields"]`."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    _require_room(endpoint, Prompt.objects.filter(endpoint=endpoint).count(), "prompts")
    prompt = Prompt(id=uuid4(), tenant=actor.tenant, endpoint=endpoint, source=source, enabled=enabled)
    _write_prompt(prompt, draft)
    prompt.save(force_insert=True)
    publish(endpoint)
    return prompt


def prompt_update(
    *, actor: Actor, endpoint_slug: str, prompt_id: UUID, draft: PromptDraft, enabled: bool = True
) -> Prompt:
    """Changes a prompt; its source stays."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    prompt = prompt_for(endpoint, prompt_id)
    prompt.enabled = enabled
    _write_prompt(prompt, draft)
    prompt.save()
    publish(endpoint)
    return prompt


def prompt_delete(*, actor: Actor, endpoint_slug: str, prompt_id: UUID) -> None:
    """Removes a prompt from its endpoint."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    prompt_for(endpoint, prompt_id).delete()
    publish(endpoint)


def prompt_for(endpoint: Endpoint, prompt_id: UUID) -> Prompt:
    """A prompt of this endpoint; raises Refused(NOT_FOUND)."""
    prompt = Prompt.objects.filter(endpoint=endpoint, pk=prompt_id).first()
    if prompt is None:
        raise Refused(refusals.NOT_FOUND)
    return prompt


def resource_create(
    *, actor: Actor, endpoint_slug: str, source: str, draft: ResourceDraft, enabled: bool = True
) -> Resource:
    """Adds a resource or a template; clients can read it within a second. Raises Refused(INVALID_INPUT)."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    _require_room(endpoint, Resource.objects.filter(endpoint=endpoint).count(), "resources")
    resource = Resource(id=uuid4(), tenant=actor.tenant, endpoint=endpoint, source=source, enabled=enabled)
    _write_resource(resource, draft)
    resource.save(force_insert=True)
    publish(endpoint)
    return resource


def resource_update(
    *, actor: Actor, endpoint_slug: str, resource_id: UUID, draft: ResourceDraft, enabled: bool = True
) -> Resource:
    """Changes a resource, and tells the clients that subscribed to it; its source stays."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    resource = resource_for(endpoint, resource_id)
    resource.enabled = enabled
    _write_resource(resource, draft)
    resource.save()
    publish(endpoint)
    return resource


def resource_delete(*, actor: Actor, endpoint_slug: str, resource_id: UUID) -> None:
    """Removes a resource from its endpoint."""
    endpoint = _endpoint_to_edit(actor, endpoint_slug)
    resource_for(endpoint, resource_id).delete()
    publish(endpoint)


def resource_for(endpoint: Endpoint, resource_id: UUID) -> Resource:
    """A resource of this endpoint; raises Refused(NOT_FOUND)."""
    resource = Resource.objects.filter(endpoint=endpoint, pk=resource_id).first()
    if resource is None:
        raise Refused(refusals.NOT_FOUND)
    return resource


def _endpoint_to_edit(actor: Actor, endpoint_slug: str) -> Endpoint:
    """The endpoint, locked: whoever changes what it offers changes it alone."""
    actor.require(Permission.EDIT_ENDPOINTS)
    return endpoint_for(endpoint_slug, lock=True)


def _require_room(endpoint: Endpoint, count: int, what: str) -> None:
    limit = plan_of(endpoint.tenant.plan).tools_per_endpoint
    if count >= limit:
        raise Refused(refusals.LIMIT_REACHED, f"Your plan allows {limit} {what} on an endpoint.")


def _write_prompt(prompt: Prompt, draft: PromptDraft) -> None:
    if prompt.source not in PROMPT_SOURCES:
        raise refused_fields({"source": f"{prompt.source} is not a kind of prompt."})
    _require_storable(arguments=draft.arguments, config=draft.config, meta=draft.meta, icons=draft.icons)
    _require_arguments(draft.arguments)
    require_prompt_metadata(draft)
    try:
        draft = PROMPT_SOURCES[prompt.source].check(draft)
    except InvalidConfig as error:
        raise refused_fields(error.fields) from None
    prompt.name = draft.name
    prompt.title = draft.title.strip()
    prompt.description = draft.description.strip()
    prompt.arguments = draft.arguments
    prompt.config = draft.config
    prompt.meta = draft.meta
    prompt.icons = draft.icons
    cleaned(prompt)


def _write_resource(resource: Resource, draft: ResourceDraft) -> None:
    if resource.source not in RESOURCE_SOURCES:
        raise refused_fields({"source": f"{resource.source} is not a kind of resource."})
    _require_storable(meta=draft.meta, icons=draft.icons, config=draft.config)
    require_resource_metadata(draft)
    try:
        variables_of(draft.uri) if draft.is_template else require_uri(draft.uri)
        if draft.uri.startswith(SCHEME) and not draft.is_template:
            require_path(draft.uri)
        draft = RESOURCE_SOURCES[resource.source].check(draft)
    except (InvalidUri, InvalidSkill) as error:
        raise refused_fields({"uri": str(error)}) from None
    except InvalidConfig as error:
        raise refused_fields(error.fields) from None
    resource.uri = draft.uri
    resource.is_template = draft.is_template
    resource.name = draft.name.strip()
    resource.title = draft.title.strip()
    resource.description = draft.description.strip()
    resource.mime_type = draft.mime_type.strip()
    resource.meta = draft.meta
    resource.icons = draft.icons
    resource.config = draft.config
    cleaned(resource)


def _require_storable(**values: Any) -> None:
    for name, value in values.items():
        if problem := json_problem(value):
            raise refused_fields({name: problem})


def _require_arguments(arguments: list[dict[str, Any]]) -> None:
    """PromptArguments: a name each, used once; the other members of the right kind."""
    kinds = {"name": str, "title": str, "description": str, "required": bool}
    names = [argument.get("name") for argument in arguments]
    if len(arguments) > MAXIMUM_ARGUMENTS or len(names) != len(set(names)):
        raise refused_fields({"arguments": f"At most {MAXIMUM_ARGUMENTS}, each with a name of its own."})
    for argument in arguments:
        wrong = [name for name, value in argument.items() if not isinstance(value, kinds.get(name, type(None)))]
        if wrong or not argument.get("name"):
            raise refused_fields({"arguments": "Each has a name, and may have title, description and required."})
