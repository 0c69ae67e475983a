"""Streams that clients hold open: messages in a bounded queue, keep-alives, and every reason to end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from core.refusals import Refused
from mcp_runtime.authorization.bearer import as_of_now
from mcp_runtime.protocol.conversing import encode_notification
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.sessions import Session
from mcp_runtime.protocol.tasks_wire import detailed
from mcp_runtime.snapshots.held import Changes
from mcp_runtime.transports.asgi import Receive, Send
from mcp_runtime.transports.outlets import EVENT_STREAM, SEND_SECONDS, event

KEEP_ALIVE = b": keep-alive\n\n"
QUEUE = 64
FOREVER = float("inf")
_LIST_CHANGED = {
    kind: encode_notification(f"notifications/{kind}/list_changed", {}) for kind in ("tools", "prompts", "resources")
}


def encode_updated(uri: str) -> bytes:
    """Tells a session that a resource changed."""
    return encode_notification("notifications/resources/updated", {"uri": uri})


# Tasks are held by nobody else while they run.
_looking_up: set[asyncio.Task[None]] = set()

type Interested = Callable[[str], Coroutine[Any, Any, bool]]


class Hearer:
    """What hears of an endpoint's changes for a client, however what it says is sent."""

    __slots__ = ("_principal",)
    _principal: Principal

    def push(self, message: bytes) -> None:
        """Has a message sent."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends once the client has what was pushed."""
        raise NotImplementedError

    def endpoint_changed(self, served: ServedEndpoint, changes: Changes) -> None:
        """Tells the client what changed of what it sees, or ends if it would not be let in any more."""
        principal = as_of_now(self._principal, served, time.time())
        # Who may use less than all from now on opens anew: what was subscribed to may not be theirs to hear of.
        if principal is None or (self._principal.tools is None and principal.tools is not None):
            self.close()
            return
        otherwise = principal.tools != self._principal.tools
        self._principal = principal
        unlimited = principal.tools is None
        if otherwise or any(principal.may_use(name) for name in changes.tools):
            self.list_changed("tools")
        if unlimited and (otherwise or changes.prompts):
            self.list_changed("prompts")
        if unlimited and (otherwise or changes.resources):
            self.list_changed("resources")
        for uri in changes.updated if unlimited else ():
            self.resource_updated(uri)

    def list_changed(self, kind: str) -> None:
        """Tells that a list (tools, prompts, resources) changed."""
        self.push(_LIST_CHANGED[kind])

    def resource_updated(self, uri: str) -> None:
        """Tells that a resource changed, if the client wants to hear of it."""

    @property
    def hears_lists(self) -> bool:
        """Whether it would tell that a list changed."""
        return bool(self.session)

    @property
    def uris(self) -> frozenset[str]:
        """The resources that it asked for itself."""
        return frozenset()

    @property
    def session(self) -> str:
        """The digest of the session whose subscriptions it tells of; empty where there is none."""
        return ""

    def task_changed(self, task_id: str) -> None:
        """Tells that a task changed, if the client wants to hear of it."""

    def session_ended(self, session_digest: str) -> None:
        """Ends with its session, where it has one."""

    def _look_up(self, telling: Coroutine[Any, Any, None]) -> None:
        """Has something told that has to be asked for first."""
        task = asyncio.ensure_future(telling)
        _looking_up.add(task)
        task.add_done_callback(_looking_up.discard)


class EventStream(Hearer):
    """What streams of both eras do alike over ASGI. `expires_at` is in seconds since the epoch."""

    def __init__(self, principal: Principal, expires_at: float) -> None:
        self._principal = principal
        self._expires_at = min(expires_at, principal.expires_at or FOREVER)
        self._messages: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._deserted = False

    @property
    def principal(self) -> Principal:
        """Who listens, with what they may use now."""
        return self._principal

    def push(self, message: bytes) -> None:
        """Queues a message; one that waits already says the same. A full queue ends the stream: nobody reads it."""
        if message in self._messages:
            return
        if len(self._messages) >= QUEUE:
            self.overrun()
            return
        self._messages.append(message)
        self._wake.set()

    def close(self) -> None:
        """Ends once the client has what is queued."""
        self._closed = True
        self._wake.set()

    def overrun(self) -> None:
        """Ends because its client does not read."""
        self.close()

    async def serve(self, receive: Receive, send: Send, keep_alive_seconds: float) -> None:
        """Sends messages until the stream is closed, the client leaves, or its session or key expires."""
        watcher = asyncio.ensure_future(self._close_on_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
            await self._send(send, self._opening())
            while await self._pump(send, keep_alive_seconds):
                pass
            if not self._deserted:
                await send({"type": "http.response.body", "body": self._closing()})
        except TimeoutError:
            return
        finally:
            watcher.cancel()

    def _opening(self) -> bytes:
        """What goes first, so that proxies and clients see the stream open before anything happens on it."""
        return KEEP_ALIVE

    def _closing(self) -> bytes:
        """What goes last."""
        return b""

    async def _pump(self, send: Send, keep_alive_seconds: float) -> bool:
        left = self._expires_at - time.time()
        try:
            async with asyncio.timeout(max(0.0, min(keep_alive_seconds, left))):
                await self._wake.wait()
        except TimeoutError:
            if left > keep_alive_seconds:
                await self._keep_alive(send)
            return left > keep_alive_seconds
        self._wake.clear()
        while self._messages:
            await self._write(send, self._messages.popleft())
        return not self._closed

    async def _write(self, send: Send, message: bytes) -> None:
        """Sends one message in this transport's form."""
        await self._send(send, event(message))

    async def _keep_alive(self, send: Send) -> None:
        """Shows everything between here and the client that the stream is alive."""
        await self._send(send, KEEP_ALIVE)

    @staticmethod
    async def _send(send: Send, frame: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": frame, "more_body": True})

    async def _close_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._deserted = True
        self.close()


class SessionStream(EventStream):
    """The stream of a GET, up to 2025-11-25: what is not about one request. `interested` looks a subscription up."""

    def __init__(self, session: Session, session_digest: str, principal: Principal, interested: Interested) -> None:
        super().__init__(principal, session.expires_at)
        self._session_digest = session_digest
        self._interested = interested

    @property
    def session(self) -> str:
        return self._session_digest

    def session_ended(self, session_digest: str) -> None:
        if session_digest == self._session_digest:
            self.close()

    def resource_updated(self, uri: str) -> None:
        self._look_up(self._tell_if_interested(uri))

    async def _tell_if_interested(self, uri: str) -> None:
        if await self._interested(uri):
            self.push(encode_updated(uri))


async def with_own_tasks(listen: Listen) -> Listen:
    """The request, which hears of those tasks alone that are its client's. Raises Refused."""
    listening = listen.listening
    if not listening.tasks:
        return listen
    owned = await listening.exchange.tasks.owned(listening.exchange.scope, listening.tasks)
    return Listen(listen.id, replace(listening, tasks=owned))


class Listener(Hearer):
    """The messages of subscriptions/listen, from 2026-07-28 on: each says which subscription it belongs to."""

    __slots__ = ()
    _listen: Listen

    @property
    def hears_lists(self) -> bool:
        return bool(self._listen.listening.lists)

    @property
    def uris(self) -> frozenset[str]:
        return self._listen.listening.uris

    def list_changed(self, kind: str) -> None:
        if kind in self._listen.listening.lists:
            self.push(self._listen.list_changed(kind))

    def resource_updated(self, uri: str) -> None:
        if uri in self._listen.listening.uris:
            self.push(self._listen.tagged("notifications/resources/updated", {"uri": uri}))

    def task_changed(self, task_id: str) -> None:
        if task_id in self._listen.listening.tasks:
            self._look_up(self._tell_of_task(task_id))

    async def _tell_of_task(self, task_id: str) -> None:
        exchange = self._listen.listening.exchange
        try:
            state = await exchange.tasks.get(exchange.scope, task_id)
        except Refused:
            return  # the database is away; the client finds out by asking
        if state is not None:
            self.push(self._listen.tagged("notifications/tasks", detailed(state)))

    def _opening(self) -> bytes:
        return event(self._listen.acknowledged())

    def _closing(self) -> bytes:
        return event(self._listen.cancelled()) + event(self._listen.result())


class ListenStream(Listener, EventStream):
    """The stream of subscriptions/listen over ASGI."""

    def __init__(self, listen: Listen) -> None:
        super().__init__(listen.listening.exchange.principal, FOREVER)
        self._listen = listen.lean()
