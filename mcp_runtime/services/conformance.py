"""An endpoint with everything that the official conformance suite looks for."""

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Access, Endpoint
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.endpoints import Presentation, changing, endpoint_create, endpoint_for
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.conformance.catalogue import METAS, PROMPTS, RESOURCES, TOOLS, TRIGGERS
from mcp_runtime.sources.conformance.source import ASKING_PROMPT
from mcp_runtime.sources.contract import PromptDraft, ToolDraft
from tenants.access import Actor

SLUG = "conformance"
ABOUT = Presentation("What the official conformance suite looks for.", listed=True)


def conformance_endpoint(*, actor: Actor) -> Endpoint:
    """The tenant's conformance endpoint, open to anyone; made if it is not there. Runs inside a tenant context."""
    try:
        return endpoint_for(SLUG)
    except Refused as refused:
        if refused.refusal is not refusals.NOT_FOUND:
            raise
    endpoint = endpoint_create(actor=actor, slug=SLUG, name="Conformance", access=Access.OPEN, presentation=ABOUT)
    with changing(actor=actor, endpoint_slug=SLUG):
        _furnish(actor)
    return endpoint


def _furnish(actor: Actor) -> None:
    for name in (*TOOLS, *TRIGGERS):
        draft = ToolDraft(name=name, meta=METAS.get(name, {}))
        tool_create(actor=actor, endpoint_slug=SLUG, source="conformance", draft=draft)
    for prompt in PROMPTS:
        prompt_create(actor=actor, endpoint_slug=SLUG, source="static", draft=prompt)
    asking = PromptDraft(name=ASKING_PROMPT, description="A prompt that asks for a name before it is written.")
    prompt_create(actor=actor, endpoint_slug=SLUG, source="conformance", draft=asking)
    for resource in RESOURCES:
        resource_create(actor=actor, endpoint_slug=SLUG, source="static", draft=resource)
