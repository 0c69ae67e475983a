"""What every tool source is: one folder with a class like `ToolSource`, and one line in `sources.registry`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from core.outbound import Client
from mcp_runtime.snapshots.structs import PromptSnapshot, ResourceSnapshot, ToolSnapshot
from mcp_runtime.sources.conversation import Conversation, Silence
from mcp_runtime.trace_context import TraceContext

SILENCE = Silence()


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
    meta: dict[str, Any] = field(default_factory=dict)
    icons: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    # Whether a call may become a task that outlives its request: "forbidden", "optional", or "required".
    task: str = "forbidden"
    # How many calls it takes, whoever makes them; None: as many as the tenant may make.
    calls_per_minute: int | None = None


class CallContext(msgspec.Struct, frozen=True):
    """One call on its way to a source. Times are seconds of the event loop's clock; `trace` is the caller's, if any."""

    tenant_id: str
    endpoint_id: str
    principal: str
    request_id: str
    deadline: float
    conversation: Conversation = SILENCE
    trace: TraceContext | None = None


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool answers: MCP content blocks as plain dictionaries, and structured content where there is any.

    `is_refusal`: nothing was asked, so that nobody pays for it.
    """

    content: list[dict[str, Any]]
    structured: Any = None
    is_error: bool = False
    has_structured: bool = False
    is_refusal: bool = False


type ToolHandler = Callable[[CallContext, dict[str, Any]], Awaitable[ToolResult]]


class InstantHandler:
    """The handler of a tool that never waits and asks nobody: `answer` makes its result from the arguments alone.

    A call of one is over when it begins, so that none of what goes on beside a call is needed for it.
    """

    __slots__ = ("answer",)

    def __init__(self, answer: Callable[[dict[str, Any]], ToolResult]) -> None:
        self.answer = answer

    async def __call__(self, _context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """The result."""
        return self.answer(arguments)


def detached(tool: ToolSnapshot, handler: ToolHandler) -> ToolHandler:
    """The handler, which becomes a task before it begins where the tool's author allows that."""
    if tool.task == "forbidden":
        return handler

    async def handle(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        await context.conversation.detach()
        return await handler(context, arguments)

    return handle


# Tells every client of the call's endpoint that a list changed ("tools", "prompts", "resources"), or with a URI that
# this resource did.
type Announce = Callable[[CallContext, str, str], Awaitable[None]]


async def nobody_hears(_context: CallContext, _kind: str, _uri: str) -> None:
    """Announces nothing: for handlers that are compiled where no client listens."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a worker lends to the handlers that it compiles."""

    http: Client  # the SSRF-guarded outbound door
    announce: Announce = nobody_hears


class ToolSource(Protocol):
    """A kind of tool. `check` runs in the control plane, `compile` in a worker."""

    kind: str
    title: str

    def check(self, draft: ToolDraft) -> ToolDraft:
        """The draft, completed; raises InvalidConfig. `draft.secrets` may name only what `config` uses."""

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The function that answers the tool's calls. Raises InvalidConfig for a configuration it cannot serve."""


@dataclass(slots=True)
class PromptDraft:
    """A prompt as its author wrote it, before it is stored. `arguments` are PromptArguments of the protocol."""

    name: str
    title: str = ""
    description: str = ""
    arguments: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    icons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class ResourceDraft:
    """A resource, or a template of resources, as its author wrote it, before it is stored."""

    uri: str
    name: str
    is_template: bool = False
    title: str = ""
    description: str = ""
    mime_type: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    icons: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptResult:
    """What a prompt becomes: PromptMessages of the protocol as plain dictionaries."""

    messages: list[dict[str, Any]]
    description: str = ""


type PromptHandler = Callable[[CallContext, dict[str, str]], Awaitable[PromptResult]]
# Takes the URI asked for and the variables that a template found in it; returns ResourceContents of the protocol.
type ResourceHandler = Callable[[CallContext, str, dict[str, str]], Awaitable[list[dict[str, Any]]]]
# Takes the argument's name, what was typed of it, and the arguments given already; returns all values that fit.
type Completer = Callable[[str, str, dict[str, str]], Awaitable[list[str]]]


async def no_completions(_argument: str, _typed: str, _given: dict[str, str]) -> list[str]:
    """The completer of what has nothing to propose."""
    return []


@dataclass(frozen=True, slots=True)
class CompiledPrompt:
    """How a prompt is answered."""

    handler: PromptHandler
    complete: Completer = no_completions


@dataclass(frozen=True, slots=True)
class CompiledResource:
    """How a resource, or every resource of a template, is read.

    `content` returns the bytes that reading returns, where they are known beforehand and always the same.
    """

    handler: ResourceHandler
    complete: Completer = no_completions
    content: Callable[[], bytes] | None = None


class ResourceMissing(Exception):
    """A template's handler has nothing at this URI."""


class PromptSource(Protocol):
    """A kind of prompt. `check` runs in the control plane, `compile` in a worker."""

    kind: str
    title: str

    def check(self, draft: PromptDraft) -> PromptDraft:
        """The draft, completed; raises InvalidConfig."""

    def compile(self, prompt: PromptSnapshot, workshop: Workshop) -> CompiledPrompt:
        """How the prompt is answered. Raises InvalidConfig for a configuration it cannot serve."""


class ResourceSource(Protocol):
    """A kind of resource. `check` runs in the control plane, `compile` in a worker."""

    kind: str
    title: str

    def check(self, draft: ResourceDraft) -> ResourceDraft:
        """The draft, completed; raises InvalidConfig."""

    def compile(self, resource: ResourceSnapshot, workshop: Workshop) -> CompiledResource:
        """How the resource is read. Raises InvalidConfig for a configuration it cannot serve."""


def text_result(text: str, *, is_error: bool = False) -> ToolResult:
    """A result of one text block."""
    return ToolResult(content=[{"type": "text", "text": text}], is_error=is_error)


def refused_result(text: str) -> ToolResult:
    """A result that says why nothing was asked."""
    return ToolResult(content=[{"type": "text", "text": text}], is_error=True, is_refusal=True)
