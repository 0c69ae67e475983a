"""What every tool source is: one folder with a class like `ToolSource`, and one line in `sources.registry`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import msgspec

from mcp_runtime.snapshots.structs import ToolSnapshot


class InvalidConfig(Exception):
    """A tool's configuration is refused; `fields` maps each wrong field to a sentence."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {sentence}" for name, sentence in fields.items()))
        self.fields = fields


@dataclass(slots=True)
class ToolDraft:
    """A tool as its author wrote it, before it is stored. `secrets` are in clear here and nowhere after."""

    name: str
    title: str = ""
    description: str = ""
    input_schema: dict[str, Any] = field(default_factory=lambda: {"type": "object", "additionalProperties": False})
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


class CallContext(msgspec.Struct, frozen=True):
    """One call on its way to a source. Times are seconds of the event loop's clock."""

    tenant_id: str
    endpoint_id: str
    principal: str
    request_id: str
    deadline: float


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool answers: MCP content blocks as plain dictionaries, and structured content where there is any."""

    content: list[dict[str, Any]]
    structured: Any = None
    is_error: bool = False
    has_structured: bool = False


type ToolHandler = Callable[[CallContext, dict[str, Any]], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a worker lends to the handlers that it compiles."""

    http: aiohttp.ClientSession  # the SSRF-guarded outbound door


class ToolSource(Protocol):
    """A kind of tool. `check` runs in the control plane, `compile` in a worker."""

    kind: str
    title: str

    def check(self, draft: ToolDraft) -> ToolDraft:
        """The draft, completed; raises InvalidConfig. `draft.secrets` may name only what `config` uses."""

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The function that answers the tool's calls. Raises InvalidConfig for a configuration it cannot serve."""


def text_result(text: str, *, is_error: bool = False) -> ToolResult:
    """A result of one text block."""
    return ToolResult(content=[{"type": "text", "text": text}], is_error=is_error)
