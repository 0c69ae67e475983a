"""Opens upstreams as a worker would, and calls what they offer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import uvicorn

from core import outbound
from core.outbound.policy import Policy
from mcp_runtime.sources.contract import CallContext, ToolResult
from mcp_runtime.sources.conversation import Answer, ClientCannot, Question, declared, required_for
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.mcp.source import McpSource
from mcp_runtime.sources.upstream import Line, OpenUpstream

ALLOWED = Policy(networks=(ip_network("127.0.0.1/32"),))
BOUND_SECONDS = 10.0
EVERYTHING: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}


@dataclass
class Client:
    """A client that answers at once, and remembers what it heard. `answers` are given by the kind of question."""

    answers: dict[type, Answer] = field(default_factory=dict)
    capabilities: dict[str, Any] = field(default_factory=lambda: EVERYTHING)
    asked: list[Question] = field(default_factory=list)
    heard: list[tuple[Any, ...]] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    log_level: str | None = "info"

    def understands(self, question: Question) -> bool:
        return declared(self.capabilities, question)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        understood = {key: question for key, question in questions.items() if self.understands(question)}
        if not understood:
            raise ClientCannot(required_for(questions.values()))
        self.asked += understood.values()
        return {key: self.answers[type(question)] for key, question in understood.items()}

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        self.heard.append(("progress", progress, total, message))

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        self.heard.append(("log", level, data))

    async def release(self) -> None:
        return

    async def detach(self) -> None:
        return


@dataclass
class Vault:
    """Credentials in clear; `tokens` are given one after the other, each after the one before was rejected."""

    static: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    challenges: list[str] = field(default_factory=list)

    async def secrets(self) -> Mapping[str, str]:
        return self.static

    async def token(self, principal: str) -> str | None:
        return self.tokens[0] if self.tokens else None

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        self.challenges.append(challenge)
        if token in self.tokens and len(self.tokens) > 1:
            self.tokens.remove(token)
            return True
        return False


@dataclass
class Opened:
    """An upstream in use, and what it said of changes."""

    upstream: OpenUpstream
    changes: "asyncio.Queue[tuple[str, str]]"

    async def call(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        client: Client | None = None,
        *,
        seconds: float = BOUND_SECONDS,
        principal: str = "alice",
        repeatable: bool = False,
    ) -> ToolResult:
        """Calls a tool."""
        handler = self.upstream.tool({"name": name, "repeatable": repeatable})
        return await handler(context(client or Client(), seconds, principal), arguments or {})


def context(client: Client, seconds: float = BOUND_SECONDS, principal: str = "alice") -> CallContext:
    """A call of the client's."""
    deadline = asyncio.get_running_loop().time() + seconds
    return CallContext("t", "e", principal, "r", deadline, client)


@asynccontextmanager
async def opened(
    url: str,
    transport: str = "auto",
    vault: Vault | None = None,
    parking: Parking | None = None,
    **config: Any,
) -> AsyncIterator[Opened]:
    """The upstream at `url`, in one loop with the test."""
    changes: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    async with outbound.Client(ALLOWED) as http, asyncio.timeout(30):

        def changed(kind: str) -> None:
            changes.put_nowait((kind, ""))

        line = Line("t", "u", http, vault or Vault(), _nothing, changed, parking)
        upstream = McpSource().open({"url": url, "transport": transport, **config}, line)
        try:
            yield Opened(upstream, changes)
        finally:
            await upstream.close()


async def _nothing() -> bytes:
    return b""


async def heedless(_done: int, _of: int, _what: str) -> None:
    """A report that nobody reads."""


class _Server(uvicorn.Server):
    """Tells when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Runs an ASGI application on a port of its own, or on this one; its origin."""
    config = uvicorn.Config(
        app, port=port, loop="none", log_config=None, log_level="error", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    task = asyncio.create_task(server._serve())  # noqa: SLF001  # without its handlers of signals
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            await server.up.wait()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
