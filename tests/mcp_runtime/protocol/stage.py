"""An endpoint without a database or a loop, and messages sent straight into the protocol."""

import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from core.outbound import Client
from mcp_runtime.protocol import ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import Batch, Notice, Outcome, Reply, Work
from mcp_runtime.protocol.scene import Scene
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.sessions import SessionTokens
from mcp_runtime.protocol.tasks import TaskKeeper
from mcp_runtime.snapshots.compile import Compiler, Sources
from mcp_runtime.snapshots.structs import EndpointSnapshot, KeySnapshot, ToolSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    InvalidConfig,
    ToolDraft,
    ToolHandler,
    ToolResult,
    Workshop,
)
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES
from tests.mcp_runtime.driving import modern, request
from tests.witness.asgi import Hearing
from tests.witness.plugin import report

CONTEXT = CallContext("tenant", "endpoint", "key:1", "request", 60.0)
ALICE = Principal("key:1")
NO_KEEPER = cast("TaskKeeper", None)  # nothing here becomes a task


class Answers:
    """A tool source whose tools answer what their configuration says, or their arguments."""

    kind = "answers"
    title = "Answers"

    def check(self, draft: ToolDraft) -> ToolDraft:
        """Takes anything."""
        return draft

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """A handler that never waits."""
        if tool.config.get("crashing"):
            raise RuntimeError("a detail that stays here")
        if tool.config.get("broken"):
            raise InvalidConfig({"url": "There is no URL."})

        async def handle(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
            given = {"content": [{"type": "text", "text": json.dumps(arguments)}], **tool.config.get("result", {})}
            return ToolResult(**given)

        return handle


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """The value of a coroutine that waits for nothing; it may let others run."""
    try:
        while True:
            assert coroutine.send(None) is None
    except StopIteration as done:
        return cast("T", done.value)


def tool(name: str, **members: Any) -> ToolSnapshot:
    """A tool of the source above."""
    schema = members.pop("input_schema", {"type": "object"})
    return ToolSnapshot(id=f"id-{name}", name=name, source="answers", input_schema=schema, **members)


def make_endpoint(*tools: ToolSnapshot, **members: Any) -> ServedEndpoint:
    """A compiled endpoint."""
    whole: dict[str, Any] = {
        "tenant_id": "tenant", "endpoint_id": "endpoint", "endpoint_slug": "demo", "name": "Demo", "version": 3,
        "access": "key", "keys": [KeySnapshot("1", "00" * 32)],
    } | members  # fmt: skip
    sources = Sources({"answers": Answers()}, PROMPT_SOURCES, RESOURCE_SOURCES)
    compiler = Compiler(sources, Workshop(http=cast("Client", None)))
    return run(compiler.compile(EndpointSnapshot(tools=list(tools), **whole), None))


@dataclass
class Desk:
    """Where messages are handed in."""

    endpoint: ServedEndpoint = field(default_factory=lambda: make_endpoint(tool("echo")))
    principal: Principal = ALICE
    now: float = 1_000_000.0
    ended: set[str] = field(default_factory=set)
    session: str | None = None
    sessions: SessionTokens = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = SessionTokens(clock=lambda: self.now)

    def receive(self, body: bytes, headers: list[tuple[bytes, bytes]]) -> Outcome:
        """What becomes of a body."""
        scene = Scene(self.endpoint, self.principal, self.sessions, self.ended, NO_KEEPER)
        outcome = ladder.receive(RequestHeaders(headers), body, scene)
        return self._heard(outcome, body, headers) if isinstance(outcome, Reply) else outcome

    def post(self, message: Any, headers: dict[str, str | None] | None = None) -> Reply:
        """The reply to a message; work that it makes is done."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        named = {"mcp-session-id": self.session, **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in named.items() if value is not None]
        return self._heard(done(self.receive(body, raw)), body, raw)

    @staticmethod
    def _heard(reply: Reply, body: bytes, headers: list[tuple[bytes, bytes]]) -> Reply:
        """The reply, held to its revision."""
        hearing = Hearing(headers, report)
        hearing.ask(body)
        if reply.body:
            hearing.hear(reply.body)
        return reply

    def modern(self, method: str, params: dict[str, Any] | None = None, **headers: str | None) -> Reply:
        """A well-framed request of 2026-07-28, but for the headers given."""
        message, named = modern(method, params)
        return self.post(message, {**named, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def initialize(self, version: str) -> Reply:
        """Begins a session, and keeps its id."""
        client = {"name": "test", "version": "1"}
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
        reply = self.post(request("initialize", params))
        self.session = dict(reply.headers)[b"mcp-session-id"].decode()
        return reply

    def legacy(self, method: str, params: Any = None, **headers: str | None) -> Reply:
        """A request in the session."""
        return self.post(request(method, params), {name.replace("_", "-"): value for name, value in headers.items()})


def done(outcome: Outcome) -> Reply:
    """The reply that an outcome is, or becomes."""
    if isinstance(outcome, Work):
        try:
            return outcome.reply(run(outcome.job.run(CONTEXT)))
        except RpcError as error:
            return outcome.failure(error)
    if isinstance(outcome, Batch):
        parts = [done(part) for part in outcome.parts]
        bodies = [part.body for part in parts if part.body]
        return Reply(200, b"[" + b",".join(bodies) + b"]") if bodies else Reply(202, b"")
    if isinstance(outcome, Notice):
        return outcome.reply
    assert not isinstance(outcome, Listen)
    return outcome


def parsed(reply: Reply) -> Any:
    """The JSON of a reply."""
    return json.loads(reply.body)


def error_of(reply: Reply) -> tuple[int, int]:
    """HTTP status and JSON-RPC code of an error."""
    return reply.status, parsed(reply)["error"]["code"]
