"""A client's two-way connection, which is its session: over HTTP+SSE or a WebSocket, whose shells are thin.

What the client asks runs side by side and ends with the connection. Whatever goes to the client, be it an answer, a
question or a change, goes through one bounded queue: a client that does not read is waited for, and then let go.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import partial

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.handshake import standing_given
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.jsonrpc import error_envelope
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import Batch, Notice, Outcome, Reply, Work, refusal_reply
from mcp_runtime.protocol.scene import Scene, Standing
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import LIFETIME_SECONDS, digest
from mcp_runtime.protocol.signals import CANCELLED
from mcp_runtime.snapshots.held import Held
from mcp_runtime.transports.asgi import Event, Send
from mcp_runtime.transports.outlets import SEND_SECONDS
from mcp_runtime.transports.services import Services
from mcp_runtime.transports.streams import QUEUE, EventStream, Interested, ListenStream, encode_updated, with_own_tasks

MAXIMUM_IN_FLIGHT = 100
# Answers wait beyond these, so that changes, which cannot wait, still find room.
ANSWERS_QUEUED = QUEUE // 2
BYTES_QUEUED = 4 * 1024 * 1024

type Understand = Callable[[RequestHeaders | None, bytes, Scene], Outcome]


class ConnectionStream(EventStream):
    """The way to the client. It ends like any stream: with its key, its endpoint or its client."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, time.time() + LIFETIME_SECONDS)
        self._interested: Interested | None = None
        self._session = ""
        self.is_overrun = False  # whether it ended because its client does not read
        self._room = asyncio.Event()

    def begin_session(self, session: str, interested: Interested) -> None:
        """Tells of changes from now on; of those of resources, if the session (its digest) is `interested`."""
        self._session, self._interested = session, interested

    @property
    def session(self) -> str:
        return self._session

    async def deliver(self, message: bytes) -> None:
        """Queues a message as soon as there is room; a client that makes none for SEND_SECONDS is let go."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                while self._is_full and not self._closed:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            self.overrun()
        if not self._closed:
            self._messages.append(message)
            self._wake.set()

    @property
    def _is_full(self) -> bool:
        return len(self._messages) >= ANSWERS_QUEUED or sum(map(len, self._messages)) >= BYTES_QUEUED

    def overrun(self) -> None:
        self.is_overrun = True
        super().overrun()

    def make_room(self) -> None:
        """Lets those go on who wait to queue something."""
        self._room.set()

    async def _write(self, send: Send, message: bytes) -> None:
        self.make_room()
        await super()._write(send, message)

    def close(self) -> None:
        super().close()
        self._room.set()

    def list_changed(self, kind: str) -> None:
        # Without a session nobody hears of what they did not ask for.
        if self._interested is not None:
            super().list_changed(kind)

    def resource_updated(self, uri: str) -> None:
        if self._interested is not None:
            self._look_up(self._tell_if(self._interested, uri))

    async def _tell_if(self, interested: Interested, uri: str) -> None:
        if await interested(uri):
            self.push(encode_updated(uri))


class _Outlet:
    """Where the messages of a call go that is not done yet: the way that its answer takes too."""

    is_open = True

    def __init__(self, stream: ConnectionStream) -> None:
        self._stream = stream

    async def send(self, message: bytes) -> None:
        await self._stream.deliver(message)

    async def release(self) -> None:
        """Nothing: here a client has but one connection, and cannot come back to it."""


class _Listener(ListenStream):
    """A subscriptions/listen among the other requests of a connection."""

    def __init__(self, listen: Listen, stream: ConnectionStream, held: Held) -> None:
        super().__init__(listen)
        self._stream = stream
        self._held = held

    def begin(self) -> None:
        """Says what is honoured."""
        self.push(self._listen.acknowledged())

    def push(self, message: bytes) -> None:
        self._stream.push(message)

    def close(self) -> None:
        """Says that nothing will follow."""
        self.forget()
        self.push(self._listen.cancelled())
        self.push(self._listen.result())

    def forget(self) -> None:
        """Hears of nothing any more."""
        self._held.unsubscribe(self)


class Connection:
    """One client's. `understand` is how its messages are framed: `ladder.receive`, or in sessions alone."""

    def __init__(self, services: Services, held: Held, stream: ConnectionStream, understand: Understand) -> None:
        self._services = services
        self._held = held
        self._stream = stream
        self._understand = understand
        self._standing: Standing | None = None
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._listeners: dict[bytes, _Listener] = {}
        self._taking: set[asyncio.Task[None]] = set()

    def take(self, body: bytes) -> bool:
        """Has a message received as soon as may be; False when too many wait for that already."""
        if len(self._taking) >= MAXIMUM_IN_FLIGHT:
            return False
        task = asyncio.Task(self.receive(body), loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        return True

    async def receive(self, body: bytes) -> None:
        """Does what a message asks; returns when it is begun, and what needed no waiting is queued."""
        scene = self._scene()
        outcome = self._understand(None, body, scene)
        if isinstance(outcome, Work | Batch):
            await self._begin(outcome, len(body))
        elif isinstance(outcome, Notice):
            await self._give(outcome)
        elif isinstance(outcome, Listen):
            await self._listen(outcome)
        else:
            self._meet(outcome, scene)
            await self._answer(outcome)

    async def close(self) -> None:
        """Ends what runs."""
        for listener in self._listeners.values():
            listener.forget()
        tasks = [*self._running.values(), *self._taking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _scene(self) -> Scene:
        held = self._held
        services = self._services
        return Scene(held.served, self._stream.principal, services.sessions, held.ended, services.tasks, self._standing)

    def _meet(self, reply: Reply, scene: Scene) -> None:
        standing = standing_given(reply, scene)
        if standing is not None:
            self._standing = standing
            state = self._services.signals.state
            session = digest(standing.token)
            self._stream.begin_session(session, partial(state.is_subscribed, session))
            self._held.stir()

    async def _answer(self, reply: Reply | None) -> None:
        if reply is not None and reply.body:
            await self._stream.deliver(reply.body)

    async def _begin(self, outcome: Work | Batch, size: int) -> None:
        identifier = outcome.id if isinstance(outcome, Work) else b"batch " + secrets.token_bytes(8)
        refusal = self._refusal_of(identifier)
        if refusal is not None:
            await self._stream.deliver(refusal)
            return
        task = asyncio.Task(self._perform(outcome, size), loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._running[identifier] = task
            task.add_done_callback(lambda _task: self._running.pop(identifier, None))

    def _refusal_of(self, identifier: bytes) -> bytes | None:
        """Why a request cannot begin now; None where it can."""
        if identifier in self._running or identifier in self._listeners:
            return error_envelope(identifier, errors.INVALID_REQUEST, "A request with this id is under way.")
        if len(self._running) + len(self._listeners) < MAXIMUM_IN_FLIGHT:
            return None
        sentence = f"A connection has at most {MAXIMUM_IN_FLIGHT} requests under way."
        return refusal_reply(Refused(refusals.OVERLOADED, sentence), identifier).body

    async def _perform(self, outcome: Work | Batch, size: int) -> None:
        calls = self._services.calls
        if isinstance(outcome, Batch):
            await self._answer(await calls.perform_batch(outcome, self._held, _never, size))
        else:
            await self._answer(await calls.perform(outcome, self._held, _never, _Outlet(self._stream), size))

    async def _give(self, notice: Notice) -> None:
        if notice.signal.kind != CANCELLED:
            await self._answer(await self._services.signals.give(notice, self._held))
            return
        # What this connection asked runs here, so nobody else need be told.
        identifier = notice.signal.data["request"].encode()
        if identifier in self._running:
            self._running[identifier].cancel()
        elif identifier in self._listeners:
            self._listeners.pop(identifier).forget()

    async def _listen(self, listen: Listen) -> None:
        refusal = self._refusal_of(listen.id)
        if refusal is not None:
            await self._stream.deliver(refusal)
            return
        try:
            listener = _Listener(await with_own_tasks(listen), self._stream, self._held)
            self._held.subscribe(listener, self._services.limits.streams)
        except Refused as refused:
            await self._answer(refusal_reply(refused, listen.id))
            return
        self._listeners[listen.id] = listener
        listener.begin()


async def _never() -> Event:
    """The `receive` of a call that is cancelled by name, or with its connection."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
