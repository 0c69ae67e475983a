"""The endpoint that a newcomer starts with, and its first call."""

from dataclasses import dataclass

from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import Actor

SLUG = "first"
FUNCTIONS = ("echo", "time", "calculate")  # the first is the one that the page calls
GREETING = "Hello, Joe."


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What the first call answered, and how long it took."""

    text: str
    milliseconds: float


def make_first_endpoint(actor: Actor) -> Endpoint:
    """An endpoint with a few tools that need no service of one's own. Runs inside the tenant's context."""
    endpoint = endpoint_create(actor=actor, slug=SLUG, name="First endpoint")
    for function in FUNCTIONS:
        draft = ToolDraft(name=function, config={"function": function})
        tool_create(actor=actor, endpoint_slug=SLUG, source="builtin", draft=draft)
    return endpoint


def first_endpoint() -> tuple[Endpoint, Tool] | None:
    """The endpoint that was made for a newcomer and the tool to call; None once somebody has taken it away."""
    tool = (
        Tool.objects.select_related("endpoint")
        .filter(endpoint__slug=SLUG, name=FUNCTIONS[0], source="builtin", config={"function": "echo"}, enabled=True)
        .first()
    )
    return (tool.endpoint, tool) if tool else None
