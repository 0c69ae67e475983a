"""What is served of an upstream's definition: nobody changes it by itself, and switching it chooses the definition."""

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Prompt, Resource, Tool
from mcp_runtime.services.definitions import definitions_choose
from tenants.access import Actor


def require_own(item: Tool | Prompt | Resource) -> None:
    """Raises Refused(CONFLICT) for what is imported: the next import would undo what was changed here."""
    definition = item.definition
    if definition is None:
        return
    sentence = f"{definition.name} is imported from the source {definition.upstream.slug}. Change its definition there."
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
        upstream_slug=definition.upstream.slug,
        ids=[definition.pk],
        chosen=enabled,
    )
    item.enabled = enabled
    return True
