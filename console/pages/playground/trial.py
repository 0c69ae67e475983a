"""Trying a tool from a page: its arguments' form, the call, and what came back."""

import json
from dataclasses import dataclass, field
from typing import Any

from console.access import MemberRequest
from console.pages.playground.arguments import ArgumentsForm
from console.runtime_calls import CallFailed, Exchange, Target, ask, call_of
from mcp_runtime.models import Endpoint, Tool

# Images of other types could be documents with scripts in them.
IMAGE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


@dataclass(slots=True)
class Trial:
    """One tool on trial: the form, and the exchange or the failure once it was called."""

    endpoint: Endpoint
    tool: Tool
    form: ArgumentsForm
    exchange: Exchange | None = None
    failure: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    structured: Any = None


def trial_of(endpoint: Endpoint, tool: Tool, data: Any = None) -> Trial:
    """A trial that was not run yet."""
    return Trial(endpoint=endpoint, tool=tool, form=ArgumentsForm(tool.input_schema, data))


def run(request: MemberRequest, trial: Trial) -> None:
    """Calls the tool with what the form holds. Outside of any transaction: the tool may take its time."""
    if not trial.form.is_valid():
        return
    try:
        trial.exchange = ask(target_of(request, trial.endpoint), call_of(trial.tool.name, trial.form.arguments()))
    except CallFailed as failed:
        trial.failure = str(failed)
        return
    result = trial.exchange.result or {}
    trial.blocks = [block_of(content) for content in result.get("content", []) if isinstance(content, dict)]
    trial.structured = result.get("structuredContent")


def target_of(request: MemberRequest, endpoint: Endpoint) -> Target:
    """An endpoint of the tenant, asked by whoever is signed in."""
    tenant = request.actor.tenant
    return Target(
        tenant_id=str(tenant.pk),
        tenant_slug=tenant.slug,
        endpoint_id=str(endpoint.pk),
        endpoint_slug=endpoint.slug,
        user_id=str(request.user.pk),
    )


def block_of(content: dict[str, Any]) -> dict[str, Any]:
    """A content block as the page shows it: a text, an image it can trust, or its JSON."""
    if content.get("type") == "text":
        return {"text": str(content.get("text", ""))}
    if content.get("type") == "image" and content.get("mimeType") in IMAGE_TYPES:
        return {"image": f"data:{content['mimeType']};base64,{content.get('data', '')}"}
    return {"shown": json.dumps(content, indent=2, ensure_ascii=False)}
