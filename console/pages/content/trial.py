"""Trying a prompt or a resource from its page: a form for what it takes, the request, and what came back."""

from dataclasses import dataclass, field
from typing import Any

from console.access import MemberRequest
from console.pages.content.kinds import Kind
from console.pages.playground.arguments import ArgumentsForm
from console.pages.playground.trial import block_of, target_of
from console.runtime_calls import CallFailed, Exchange, ask
from mcp_runtime.models import Endpoint


@dataclass(slots=True)
class Trial:
    """One prompt or resource on trial: the form, and the exchange or the failure once it was asked for."""

    kind: Kind
    endpoint: Endpoint
    item: Any
    form: ArgumentsForm
    exchange: Exchange | None = None
    failure: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    structured: None = None


def trial_of(kind: Kind, endpoint: Endpoint, item: Any, data: Any = None) -> Trial:
    """A trial that was not run yet."""
    return Trial(kind, endpoint, item, ArgumentsForm(kind.schema(item), data))


def run(request: MemberRequest, trial: Trial) -> None:
    """Asks the runtime, as a client would. Outside of any transaction."""
    if not trial.form.is_valid():
        return
    try:
        question = trial.kind.question(trial.item, trial.form.arguments())
        trial.exchange = ask(target_of(request, trial.endpoint), question)
    except CallFailed as failed:
        trial.failure = str(failed)
        return
    result = trial.exchange.result or {}
    messages = [block_of(message["content"]) | {"label": message["role"]} for message in result.get("messages", [])]
    trial.blocks = messages + [_block(contents) for contents in result.get("contents", [])]


def _block(contents: dict[str, Any]) -> dict[str, Any]:
    """ResourceContents as the page shows them: a text, an image it can trust, or their JSON."""
    kind = "text" if "text" in contents else "image"
    label = f"{contents['uri']} {contents.get('mimeType', '')}".strip()
    return block_of(contents | {"type": kind, "data": contents.get("blob", "")}) | {"label": label}
