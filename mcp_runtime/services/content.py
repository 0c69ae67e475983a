"""Prompts and resources: create, change, delete. Each service runs inside the actor's tenant context.

What is imported is changed at its definition: changing or deleting it here raises Refused(CONFLICT).
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum, TextField
from django.db.models.functions import Cast, Length

from billing.entitlements import Limit, require_room
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, Prompt, Resource
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.imported import require_own, switched_at_its_definition
from mcp_runtime.services.metadata import require_prompt_metadata, require_resource_metadata
from mcp_runtime.skills import SCHEME, InvalidSkill, require_path
from mcp_runtime.sources.contract import InvalidConfig, PromptDraft, ResourceDraft
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES
from mcp_runtime.uris import InvalidUri, require_uri, variables_of
from tenants.access import Actor
from tenants.validation import cleaned, json_problem, refused_fields

MAXIMUM_ARGUMENTS = 50
# Of a PromptArgument: its members, their types, and how many characters a text may have.
ARGUMENT_MEMBERS = {"name": (str, 64), "title": (str, 80), "description": (str, 4_000), "required": (bool, 0)}
# Of everything written down on one endpoint together: every worker that serves it holds it.
MAXIMUM_CONTENT_CHARACTERS = 16 * 1024 * 1024


def prompt_create(*, actor: Actor, endpoint_slug: str, source: str, draft: PromptDraft, enabled: bool = True) -> Prompt:
    """Adds a prompt; clients can get it within a second. Raises Refused(INVALID_INPUT) with `data["fields"]`."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        _require_room(endpoint, Prompt.objects.all())
        prompt = Prompt(tenant=actor.tenant, endpoint=endpoint, source=source, enabled=enabled)
        return _stored(prompt, lambda: _write_prompt(prompt, draft))


def prompt_update(
    *, actor: Actor, endpoint_slug: str, prompt_id: UUID, draft: PromptDraft, enabled: bool = True
) -> Prompt:
    """Changes a prompt; its source stays."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        prompt = prompt_for(endpoint, prompt_id)
        require_own(prompt)
        prompt.enabled = enabled
        return _stored(prompt, lambda: _write_prompt(prompt, draft))


def prompt_switch(*, actor: Actor, endpoint_slug: str, prompt_id: UUID, enabled: bool) -> Prompt:
    """Switches a prompt on or off: clients do not see one that is off. It keeps everything else."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        prompt = prompt_for(endpoint, prompt_id)
        if switched_at_its_definition(actor=actor, endpoint_slug=endpoint_slug, item=prompt, enabled=enabled):
            return prompt
        return _switched(prompt, enabled=enabled)


def prompt_delete(*, actor: Actor, endpoint_slug: str, prompt_id: UUID) -> None:
    """Removes a prompt from its endpoint."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        prompt = prompt_for(endpoint, prompt_id)
        require_own(prompt)
        prompt.delete()


def prompt_for(endpoint: Endpoint, prompt_id: UUID) -> Prompt:
    """A prompt of this endpoint; raises Refused(NOT_FOUND)."""
    return _found(Prompt, endpoint, prompt_id)


def resource_create(
    *, actor: Actor, endpoint_slug: str, source: str, draft: ResourceDraft, enabled: bool = True
) -> Resource:
    """Adds a resource or a template; clients can read it within a second. Raises Refused(INVALID_INPUT)."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        _require_room(endpoint, Resource.objects.all())
        resource = Resource(tenant=actor.tenant, endpoint=endpoint, source=source, enabled=enabled)
        return _stored(resource, lambda: _write_resource(resource, draft))


def resource_update(
    *, actor: Actor, endpoint_slug: str, resource_id: UUID, draft: ResourceDraft, enabled: bool = True
) -> Resource:
    """Changes a resource, and tells the clients that subscribed to it; its source stays."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        resource = resource_for(endpoint, resource_id)
        require_own(resource)
        resource.enabled = enabled
        return _stored(resource, lambda: _write_resource(resource, draft))


def resource_switch(*, actor: Actor, endpoint_slug: str, resource_id: UUID, enabled: bool) -> Resource:
    """Switches a resource on or off: clients do not see one that is off. It keeps everything else."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        resource = resource_for(endpoint, resource_id)
        if switched_at_its_definition(actor=actor, endpoint_slug=endpoint_slug, item=resource, enabled=enabled):
            return resource
        return _switched(resource, enabled=enabled)


def resource_delete(*, actor: Actor, endpoint_slug: str, resource_id: UUID) -> None:
    """Removes a resource from its endpoint."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        resource = resource_for(endpoint, resource_id)
        require_own(resource)
        resource.delete()


def resource_for(endpoint: Endpoint, resource_id: UUID) -> Resource:
    """A resource of this endpoint; raises Refused(NOT_FOUND)."""
    return _found(Resource, endpoint, resource_id)


def as_written(item: Prompt | Resource) -> dict[str, Any]:
    """The fields of the draft that would store the item as it is."""
    draft = PromptDraft if isinstance(item, Prompt) else ResourceDraft
    return {field.name: getattr(item, field.name) for field in fields(draft)}


def _found[ItemT: (Prompt, Resource)](model: type[ItemT], endpoint: Endpoint, item_id: UUID) -> ItemT:
    item = model.objects.filter(endpoint=endpoint, pk=item_id).first()
    if item is None:
        raise Refused(refusals.NOT_FOUND)
    return item


def _stored[ItemT: (Prompt, Resource)](item: ItemT, write: Callable[[], None]) -> ItemT:
    """The item, written, validated and saved, unless there would be more of it all than workers can hold."""
    write()
    cleaned(item).save()
    rows = (Prompt.objects.filter(endpoint=item.endpoint), Resource.objects.filter(endpoint=item.endpoint))
    written = sum(map(_characters, rows))
    if written > MAXIMUM_CONTENT_CHARACTERS:
        limit = MAXIMUM_CONTENT_CHARACTERS // 1024**2
        raise Refused(refusals.LIMIT_REACHED, f"The prompts and resources of an endpoint hold {limit} MiB together.")
    return item


def _switched[ItemT: (Prompt, Resource)](item: ItemT, *, enabled: bool) -> ItemT:
    item.enabled = enabled
    item.save(update_fields=["enabled", "updated_at"])
    return item


def _characters(rows: QuerySet[Any]) -> int:
    length = Length(Cast("config", TextField()))
    return int(rows.aggregate(total=Sum(length))["total"] or 0)


def _require_room(endpoint: Endpoint, rows: QuerySet[Any]) -> None:
    used = rows.filter(endpoint=endpoint).count
    what = f"{rows.model._meta.verbose_name_plural} on an endpoint"
    require_room(endpoint.tenant_id, Limit.TOOLS_PER_ENDPOINT, used, what=what)


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


def _require_storable(**values: Any) -> None:
    for name, value in values.items():
        if problem := json_problem(value):
            raise refused_fields({name: problem})


def _require_arguments(arguments: list[dict[str, Any]]) -> None:
    """PromptArguments: a name each, used once; the other members of the right kind."""
    if len(arguments) > MAXIMUM_ARGUMENTS:
        raise refused_fields({"arguments": f"A prompt has at most {MAXIMUM_ARGUMENTS}."})
    for number, argument in enumerate(arguments):
        _require_argument(argument, f"arguments[{number}]")
    names = [argument["name"] for argument in arguments]
    if len(names) != len(set(names)):
        raise refused_fields({"arguments": "Each has a name of its own."})


def _require_argument(argument: Any, place: str) -> None:
    if not isinstance(argument, dict) or not argument.get("name"):
        raise refused_fields({place: "It has a name, and may have title, description and required."})
    for name, value in argument.items():
        kind, longest = ARGUMENT_MEMBERS.get(name, (None, 0))
        if kind is None or not isinstance(value, kind):
            raise refused_fields({place: f"{name}: title and description are texts, required is true or false."})
        if isinstance(value, str) and len(value) > longest:
            raise refused_fields({place: f"{name}: use at most {longest} characters."})
