"""Drives ASGI applications as a server would, with the client's leaving under the test's hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from mcp_runtime.transports.asgi import Event
from mcp_runtime.worker import Worker
from tests.witness.asgi import Witness
from tests.witness.plugin import report

BOUND_SECONDS = 20  # a bound on what has gone wrong, on a machine that is busy otherwise too
PAUSE_SECONDS = 0.004
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
BOTH = "application/json, text/event-stream"

type App = Callable[[Any, Any, Any], Awaitable[None]]


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Exchange:
    """One HTTP request in flight; `leave` is the client closing its connection."""

    incoming: asyncio.Queue[dict[str, Any]]
    task: asyncio.Task[None] = field(init=False)
    outgoing: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    reading: asyncio.Event = field(default_factory=_set)

    async def start(self) -> int:
        """The status, when the response starts."""
        event = await asyncio.wait_for(self.outgoing.get(), BOUND_SECONDS)
        self.status = event["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in event["headers"]}
        return self.status

    async def chunk(self) -> bytes | None:
        """The next part of the body, None when it ends without one."""
        event = await asyncio.wait_for(self.outgoing.get(), BOUND_SECONDS)
        return event["body"] or None

    async def frame(self) -> str:
        """The next event that is not a keep-alive."""
        while (chunk := await self.chunk()) is not None:
            if not chunk.startswith(b":"):
                return chunk.decode()
        raise EOFError

    def block(self) -> None:
        """The client reads no more: what is sent from now on waits for ever."""
        self.reading.clear()

    async def take(self, event: dict[str, Any]) -> None:
        """Where the application sends to."""
        await self.reading.wait()
        await self.outgoing.put(event)

    async def leave(self) -> None:
        """The client goes away; returns when the application has noticed."""
        self.incoming.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(asyncio.shield(self.task), BOUND_SECONDS)


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON wherever there is one."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@dataclass
class Client:
    """A client of one endpoint. `session` is sent once it is known."""

    app: App
    path: str
    key: str | None = None
    session: str | None = None

    def open(
        self,
        method: str = "POST",
        body: bytes | list[bytes] = b"",
        headers: dict[str, str | None] | None = None,
        query: str = "",
        path: str | None = None,
    ) -> Exchange:
        """Sends a request without waiting for the answer. A header given as None is left out; body parts may stall."""
        everything: dict[str, str | None] = {
            "host": "localhost:8100",
            "accept": BOTH,
            "content-type": "application/json",
            "authorization": f"Bearer {self.key}" if self.key else None,
            "mcp-session-id": self.session,
        } | (headers or {})
        raw = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in everything.items() if value is not None
        ]
        return self.open_raw(method, body, raw, query, path)

    def open_raw(
        self,
        method: str,
        body: bytes | list[bytes],
        raw: list[tuple[bytes, bytes]],
        query: str = "",
        path: str | None = None,
    ) -> Exchange:
        """The same with the header list as it is, which may name a header twice."""
        scope = {
            "type": "http",
            "method": method,
            "path": self.path if path is None else path,
            "query_string": query.encode(),
            "headers": raw,
        }
        exchange = Exchange(asyncio.Queue())
        for event in _body_events(body):
            exchange.incoming.put_nowait(event)
        serving = Witness(self.app, report)(scope, exchange.incoming.get, exchange.take)
        exchange.task = asyncio.ensure_future(serving)
        return exchange

    async def send(self, method: str = "POST", body: bytes | list[bytes] = b"", **options: Any) -> Answer:
        """Sends a request and waits for the whole answer."""
        return await whole(self.open(method, body, **options))

    async def post(self, message: Any, **headers: str | None) -> Answer:
        """Posts a message as it is; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send(body=json.dumps(message).encode(), headers=named)

    async def modern(
        self, method: str, params: dict[str, Any] | None = None, identifier: Any = 1, **headers: str | None
    ) -> Answer:
        """A well-framed request of 2026-07-28."""
        return await whole(self.open_modern(method, params, identifier, **headers))

    def open_modern(
        self, method: str, params: dict[str, Any] | None = None, identifier: Any = 1, **headers: str | None
    ) -> Exchange:
        """The same without waiting."""
        message, named = modern(method, params, identifier)
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.open(body=json.dumps(message).encode(), headers={**named, **extra})

    async def initialize(self, version: str = "2025-11-25", **capabilities: Any) -> Answer:
        """Begins a session, and keeps its id."""
        params = {
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"},
        }
        answer = await self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        self.session = answer.headers.get("mcp-session-id")
        return answer

    async def legacy(self, method: str, params: Any = None, identifier: Any = 1, **headers: str | None) -> Answer:
        """A request in the session."""
        return await self.post(request(method, params, identifier), **headers)


def request(method: str, params: Any = None, identifier: Any = 1) -> dict[str, Any]:
    """A JSON-RPC request."""
    message = {"jsonrpc": "2.0", "id": identifier, "method": method}
    return message if params is None else {**message, "params": params}


def modern(
    method: str, params: dict[str, Any] | None = None, identifier: Any = 1, version: str = "2026-07-28"
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """A request of 2026-07-28 and the headers that go with it."""
    meta = {VERSION: version, CAPABILITIES: {}}
    message = request(method, {**(params or {}), "_meta": meta}, identifier)
    headers: dict[str, str | None] = {"mcp-protocol-version": version, "mcp-method": method}
    if params and "name" in params:
        headers["mcp-name"] = params["name"]
    return message, headers


async def whole(exchange: Exchange) -> Answer:
    """The whole answer; bounded."""
    await exchange.start()
    body = b""
    while True:
        event = await asyncio.wait_for(exchange.outgoing.get(), BOUND_SECONDS)
        body += event["body"]
        if not event.get("more_body"):
            break
    await asyncio.wait_for(exchange.task, BOUND_SECONDS)
    return Answer(exchange.status, exchange.headers, body)


def _body_events(body: bytes | list[bytes]) -> list[dict[str, Any]]:
    if isinstance(body, bytes):
        return [{"type": "http.request", "body": body, "more_body": False}]
    return [{"type": "http.request", "body": part, "more_body": True} for part in body]


@asynccontextmanager
async def serving(worker: Worker, *, listening: bool = True) -> AsyncIterator[Worker]:
    """Runs a worker through its lifespan, as a server does."""
    incoming: asyncio.Queue[Event] = asyncio.Queue()
    outgoing: asyncio.Queue[Event] = asyncio.Queue()
    task = asyncio.ensure_future(worker({"type": "lifespan"}, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    assert (await asyncio.wait_for(outgoing.get(), BOUND_SECONDS))["type"] == "lifespan.startup.complete"
    if listening:
        await asyncio.wait_for(worker.listening(), BOUND_SECONDS)
    try:
        yield worker
    finally:
        incoming.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(task, BOUND_SECONDS)


async def in_console[T](work: Callable[[], T]) -> T:
    """Runs what the control plane does beside the worker, in a thread, as a process of its own would."""

    def closing() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(closing)


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Asks until `check` holds; fails when it does not within the bound."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not await check():  # noqa: ASYNC110  nobody tells us: a look is all there is
            await asyncio.sleep(PAUSE_SECONDS)  # what it looks for has to be done, by servers on the same cores too
