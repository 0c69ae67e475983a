"""MCP over a WebSocket: one JSON-RPC message to a text frame, in every revision.

It is no transport of the specification's, but shaped as its custom transports are to be (basic/transports): messages
and their order are MCP's own. Each message of 2026-07-28 says in its `_meta` what it is; there are no headers to mirror
it. For the revisions with a handshake the connection is the session. Closing codes are 4000 and an HTTP status.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.utils import await_many_dispatch

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import is_still_valid, principal_of, refuse_token_in
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol import ladder
from mcp_runtime.protocol.headers import AUTHORIZATION, ORIGIN, RawHeaders, RequestHeaders
from mcp_runtime.protocol.replies import Reply, refusal_reply
from mcp_runtime.protocol.served import Principal
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Event, Receive, Scope, Send
from mcp_runtime.transports.connections import Connection, ConnectionStream
from mcp_runtime.transports.door import Door, endpoint_at, not_allowed, peer_of
from mcp_runtime.transports.guards import Guards
from mcp_runtime.transports.outlets import SEND_SECONDS
from mcp_runtime.transports.services import Services

logger = logging.getLogger(__name__)

SOCKET = "/ws"
SUBPROTOCOL = "mcp"
# Browsers can set no header of a WebSocket, but name subprotocols; this one carries the key and is never chosen.
BEARER = "mcp.bearer."

# RFC 6455 section 7.4.1, and its private range.
GOING_AWAY = 1001
UNSUPPORTED_DATA = 1003
TOO_BIG = 1009
INTERNAL_ERROR = 1011
PRIVATE = 4000
UNAUTHORIZED = PRIVATE + 401
TOO_MANY = PRIVATE + 429


class SocketStream(ConnectionStream):
    """The way to the client of a WebSocket. The server below sends the pings that keep it alive."""

    def __init__(self, principal: Principal, held: Held) -> None:
        super().__init__(principal)
        self._held = held

    async def run(self, send: Send, wake_seconds: float) -> int:
        """Sends messages until the stream is closed or expires; the code to close the connection with."""
        try:
            while await self._pump(send, wake_seconds):
                pass
        except (TimeoutError, OSError):
            return TOO_MANY
        if not is_still_valid(self._principal, self._held.served, time.time()):
            return UNAUTHORIZED
        return TOO_MANY if self.is_overrun else GOING_AWAY

    async def _write(self, send: Send, message: bytes) -> None:
        self.make_room()
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "websocket.send", "text": message.decode()})

    async def _keep_alive(self, send: Send) -> None:
        """Nothing: that is for the server below to do."""


class McpConsumer(AsyncWebsocketConsumer):
    """Answers `/t/<tenant>/<endpoint>/ws`: one instance to a connection."""

    def __init__(self, *, store: SnapshotStore, guards: Guards, services: Services) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Channels has no types
        self._store = store
        self._guards = guards
        self._services = services
        self._connection: Connection | None = None
        self._receiving: asyncio.Future[None] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._admitted = contextlib.AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the connection until its end.

        Channels would look for a layer and for database connections in Django's settings, which the data plane does
        not have: what workers tell each other goes over the bus.
        """
        self.scope = scope
        self.base_send = send
        self._receiving = asyncio.ensure_future(await_many_dispatch([receive], self.dispatch))
        try:
            await asyncio.wait({self._receiving})
        finally:
            await self._leave()

    async def dispatch(self, message: Event) -> None:
        """Has the method that is named for an event take it."""
        await getattr(self, get_handler_name(message))(message)

    async def websocket_disconnect(self, message: Event) -> None:
        """The client has left, or was told to."""
        raise StopConsumer

    async def connect(self) -> None:
        """Accepts, since only then a client can be told a code; then lets it in, or closes."""
        chosen = SUBPROTOCOL if SUBPROTOCOL in self.scope["subprotocols"] else None
        await self.accept(chosen)  # type: ignore[no-untyped-call]  # Channels has no types
        try:
            held, principal = await self._enter()
            await self._admitted.enter_async_context(held.quota.entered())
            stream = SocketStream(principal, held)
            host = self._guards.host_in(RequestHeaders(self.scope["headers"]))
            held.subscribe(stream, self._services.limits.streams, host)
        except Refused as refused:
            raise await self._ended(code_of(refused), refused.refusal.name) from None
        except DatabaseAway:
            away = refusals.TEMPORARILY_UNAVAILABLE
            raise await self._ended(PRIVATE + away.http_status, away.name) from None
        self._connection = Connection(self._services, held, stream, ladder.receive)
        self._serving = asyncio.create_task(self._serve(stream, held))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Takes one message; the next is not read before this one is begun."""
        if text_data is None or self._connection is None:
            raise await self._ended(UNSUPPORTED_DATA)
        body = text_data.encode()
        if len(body) > self._services.limits.body_bytes:
            raise await self._ended(TOO_BIG)
        try:
            await self._connection.receive(body)
        except Exception:
            logger.exception("a message failed")
            raise await self._ended(INTERNAL_ERROR) from None

    async def _enter(self) -> tuple[Held, Principal]:
        """The endpoint, and who asks; raises Refused where they may not, DatabaseAway."""
        headers = RequestHeaders(self.scope["headers"])
        path: str = self.scope["path"]
        if not path.endswith(SOCKET):
            raise Refused(refusals.NOT_FOUND)
        held = await endpoint_at(self._store, self._guards.host_in(headers), path)
        raw = _raw_with_bearer(self.scope)
        self._guards.check_address(held.served.gate, peer_of(self.scope), raw)
        if headers.get(ORIGIN) is not None:
            self._guards.cors(headers, held.served)
        refuse_token_in(self.scope["query_string"])
        return held, principal_of(RequestHeaders(raw), held.served, self._guards.target("GET", headers, path))

    async def _serve(self, stream: SocketStream, held: Held) -> None:
        try:
            code = await stream.run(self.base_send, self._services.limits.keep_alive_seconds)
        finally:
            held.unsubscribe(stream)
        await self._ended(code)
        if self._receiving is not None:
            self._receiving.cancel()

    async def _ended(self, code: int, reason: str = "") -> StopConsumer:
        """Closes the connection, which ends by what is returned; who reads nothing any more is not waited for."""
        if self._serving is not None and self._serving is not asyncio.current_task():
            self._serving.cancel()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(SEND_SECONDS):
                await self.close(code, reason)  # type: ignore[no-untyped-call]  # Channels has no types

        return StopConsumer()

    async def _leave(self) -> None:
        tasks = [task for task in (self._receiving, self._serving) if task is not None]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, StopConsumer | OSError):
                logger.error("a connection failed", exc_info=result)
        if self._connection is not None:
            await self._connection.close()
        await self._admitted.aclose()


class SocketDoor(Door):
    """What plain HTTP is told at a WebSocket's address."""

    async def _post(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        return not_allowed(b"GET")

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        if scope["method"] != "GET":
            return not_allowed(b"GET")
        refuse_token_in(scope["query_string"])
        principal_of(headers, held.served, self._guards.target("GET", headers, scope["path"]))
        return refusal_reply(Refused(refusals.UPGRADE_REQUIRED), headers=((b"upgrade", b"websocket"),))


def code_of(refused: Refused) -> int:
    """The code to close with: 4000 and the HTTP status, but 4429 where there is no room."""
    refusal = refused.refusal
    return TOO_MANY if refusal.name == refusals.OVERLOADED.name else PRIVATE + refusal.http_status


def _raw_with_bearer(scope: Any) -> RawHeaders:
    """The headers, with the key that a browser names as a subprotocol; a client that gives two gives none."""
    keys = [name.removeprefix(BEARER) for name in scope["subprotocols"] if name.startswith(BEARER)]
    return [*scope["headers"], *((AUTHORIZATION, b"Bearer " + key.encode()) for key in keys)]
