"""What is served of an upstream's definition: nobody changes it by itself, and switching it chooses the definition."""

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Definition, Prompt, Resource, Tool, Upstream
from mcp_runtime.services.definitions import definitions_choose
from tenants.access import Actor


def source_slug(definition: Definition) -> str:
    """The slug of the upstream that offers it, without reading what was uploaded to it."""
    return Upstream.objects.values_list("slug", flat=True).get(pk=definition.upstream_id)


def require_own(item: Tool | Prompt | Resource) -> None:
    """Raises Refused(CONFLICT) for what is imported: the next import would undo what was changed here."""
    definition = item.definition
    if definition is None:
        return
    sentence = f"{definition.name} is imported from the source {source_slug(definition)}. Change its definition there."
    raise Refused(refusals.CONFLICT, sentence, {"definition": str(definition.pk)})


def switched_at_its_definition(
    *, actor: Actor, endpoint_slug: str, item: Tool | Prompt | Resource, enabled: bool
) -> bool:
    """Chooses the definition of what is imported, or no longer; whether it is imported at all."""
    definition = item.definition
    if definition is None:
        return False
    definitions_choose(
        actor=actor,
        endpoint_slug=endpoint_slug,
        upstream_slug=source_slug(definition),
        ids=[definition.pk],
        chosen=enabled,
    )
    item.enabled = enabled
    return True
