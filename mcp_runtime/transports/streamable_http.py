"""Streamable HTTP over ASGI: a thin shell around the protocol, one path for every revision and both eras."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import principal_of, refuse_token_in
from mcp_runtime.authorization.dpop import Target
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol import errors, handshake, jsonrpc, ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import LAST_EVENT_ID, ORIGIN, PROOF, SESSION_ID, RequestHeaders
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import Batch, Notice, Reply, Work, refusal_reply
from mcp_runtime.protocol.scene import Scene
from mcp_runtime.protocol.sessions import digest
from mcp_runtime.snapshots.database import Database
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Application, Receive, Scope, Send, send_reply
from mcp_runtime.transports.bodies import read_body
from mcp_runtime.transports.calls import UNANSWERED
from mcp_runtime.transports.direct_streams import DirectStream, Pulse
from mcp_runtime.transports.door import Door, not_allowed, reply_to
from mcp_runtime.transports.guards import Guards, accepts_events, check_media
from mcp_runtime.transports.heads import RequestHead
from mcp_runtime.transports.outlets import EventOutlet, Later
from mcp_runtime.transports.pending import InLine, Pending
from mcp_runtime.transports.replay import ReplayLog
from mcp_runtime.transports.resuming import ResumedStream
from mcp_runtime.transports.services import Services
from mcp_runtime.transports.streams import ListenStream, SessionStream, with_own_tasks

logger = logging.getLogger(__name__)

# What is left of a request that was begun without its ASGI connection: an application for that connection.
type Rest = Application
# What the fast lane is told of a request.
type Now = Reply | Pending | InLine | Rest | DirectStream | None
# Returns what it is given to call, whose calls are written down when their answers leave.
type Together = Callable[[Callable[[], Reply | None]], Reply | None]


class StreamableHttp(Door):
    """Answers `/t/<tenant>/<endpoint>/mcp`."""

    def __init__(
        self,
        *,
        store: SnapshotStore,
        database: Database,
        guards: Guards,
        services: Services,
        replay: ReplayLog,
        together: Together,
    ) -> None:
        super().__init__(store=store, guards=guards, limits=services.limits, meter=services.meter)
        self._database = database
        self._sessions = services.sessions
        self._signals = services.signals
        self._calls = services.calls
        self._replay = replay
        self._together = together
        self._tasks = services.tasks
        self._pulse = Pulse(services.limits.keep_alive_seconds)

    def _scene(self, query_string: bytes, headers: RequestHeaders, held: Held, target: Target) -> Scene:
        """Who asks for what; raises Refused where they may not."""
        if query_string:
            refuse_token_in(query_string)
        principal = principal_of(headers, held.served, target)
        return Scene(held.served, principal, self._sessions, held.ended, self._tasks)

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        verb = scope["method"]
        if verb not in ("GET", "DELETE"):
            return not_allowed(b"GET, POST, DELETE")
        scene = self._scene(scope["query_string"], headers, held, self._guards.target(verb, headers, scope["path"]))
        if not handshake.claims(headers):
            return not_allowed(b"POST, DELETE" if verb == "GET" else b"POST")
        if verb == "DELETE":
            return await self._delete(headers, held, scene)
        await self._get(headers, held, scene, receive, send)
        return None

    async def _post(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        # The guards come before the body: nobody who may not call has it read.
        scene = self._scene(scope["query_string"], headers, held, self._guards.target("POST", headers, scope["path"]))
        check_media(headers, held.served)
        body = await read_body(receive, headers, self._limits)
        outcome = ladder.receive(headers, body, scene)
        if isinstance(outcome, Work):
            return await self._work(outcome, held, receive, send, len(body))
        if isinstance(outcome, Notice):
            return await self._signals.give(outcome, held)
        if isinstance(outcome, Listen):
            host = self._guards.host_in(headers)
            try:
                await self._open(ListenStream(await with_own_tasks(outcome)), held, receive, send, host=host)
            except Refused as refused:
                return refusal_reply(refused, outcome.id)
            return None
        if isinstance(outcome, Batch):
            return await self._calls.perform_batch(outcome, held, receive, len(body))
        return outcome

    async def _work(self, work: Work, held: Held, receive: Receive, send: Send, size: int) -> Reply | None:
        """Runs a request; its answer goes where its first message went, if it had any."""
        outlet = self._outlet(work, send)
        return await _ended(work, await self._calls.perform(work, held, receive, outlet, size), outlet)

    def _outlet(self, work: Work, send: Send) -> EventOutlet:
        exchange = work.exchange
        log = self._replay if exchange.session else None
        name = digest(exchange.session) if exchange.session else ""
        return EventOutlet(send, log, name, primed=exchange.revision.primes_streams)

    def answer_now(self, head: RequestHead, body: bytes) -> Now:
        """The answer to a POST without a query that has arrived whole, if it can be given without waiting.

        Otherwise what has to be waited for, begun already, in the lane for a moment if it can be; a stream, to be given
        its connection at once; None for what only `__call__` can answer.
        """
        if head.scene is None and PROOF in head.headers.values:
            return None  # a proof is good once, and so looked at once
        held = self._store.get(head.path) or self._held_at_host(head)
        if held is None or ORIGIN in head.headers.values or len(body) > self._limits.body_bytes:
            return None
        try:
            outcome = ladder.receive(head.headers, body, self._scene_of(head, held))
        except (Refused, RpcError) as failure:
            return self._turn_away(failure, self._guards.url_at(head.host, head.path), held, is_call=True)
        if type(outcome) is Work:
            return self._begin(outcome, held, len(body))
        if type(outcome) is Listen:
            return self._listen(outcome, held, self._guards.host_in(head.headers))
        return outcome if type(outcome) is Reply else None

    def _held_at_host(self, head: RequestHead) -> Held | None:
        """What is held for a head whose path is none of the platform's: at a tenant's host, if it names one."""
        if not head.host:
            try:
                head.host = self._guards.host_in(head.headers)
            except Refused:
                return None
        return self._store.get_at(head.host, head.path) if head.host else None

    def _scene_of(self, head: RequestHead, held: Held) -> Scene:
        """Who asks for what; raises Refused. What was found for this head stands until the endpoint changes."""
        scene = head.scene
        if (
            scene is None
            or scene.endpoint is not held.served
            or scene.ended is not held.ended
            or (scene.principal.expires_at is not None and scene.principal.expires_at <= time.time())
        ):
            head.scene = None
            if not head.host:
                self._guards.check_host(head.headers)
            self._guards.check_address(held.served.gate, head.peer, head.raw)
            scene = self._scene(b"", head.headers, held, self._guards.target("POST", head.headers, head.path))
            check_media(head.headers, held.served)
            head.scene = scene
        return scene

    def _begin(self, work: Work, held: Held, size: int) -> Reply | Pending | InLine | Rest | None:
        if not self._calls.may_begin(work, held):
            # In a session a cancellation may come from anywhere, and is heard from the start.
            return None if work.exchange.session else self._queue(work, held, size)
        return self._calls.answer_now(work, held, size) or self._go_on(work, held, size)

    def _go_on(self, work: Work, held: Held, size: int) -> Reply | Pending | Rest:
        later = Later()
        outlet = self._outlet(work, later.send)
        call = self._calls.begin(work, held, outlet, size)
        if isinstance(call, Reply):
            return call
        if call.task.done():
            return call.answer()

        async def rest(_scope: Scope, receive: Receive, send: Send) -> None:
            later.give(receive, send)
            reply = await _ended(work, await self._calls.finish(call, receive), outlet)
            if reply is not None:
                await send_reply(send, reply)

        if work.exchange.session:
            return rest
        return Pending(call.task, partial(self._together, call.answer), later, rest)

    def _queue(self, work: Work, held: Held, size: int) -> Pending | InLine:
        """A call that has to wait for its turn, or for what this worker has to borrow for it."""
        waiting = InLine(partial(self._together, partial(self._calls.take_turn, work, held, size)))
        if self._calls.line_up(work, held, waiting.begin):
            return waiting
        later = Later()
        outlet = self._outlet(work, later.send)
        task = asyncio.create_task(self._performed(work, held, later, outlet, size))

        async def rest(_scope: Scope, receive: Receive, send: Send) -> None:
            later.give(receive, send)
            reply = await task
            if reply is not None:
                await send_reply(send, reply)

        return Pending(task, task.result, later, rest)

    async def _performed(self, work: Work, held: Held, later: Later, outlet: EventOutlet, size: int) -> Reply | None:
        try:
            return await _ended(work, await self._calls.perform(work, held, later.receive, outlet, size), outlet)
        except (Refused, RpcError, DatabaseAway) as failure:
            return reply_to(failure)
        except Exception:
            logger.exception("a request failed")
            return Reply(500, jsonrpc.error_envelope(work.id, errors.INTERNAL_ERROR, "Internal error"))

    def _listen(self, listen: Listen, held: Held, host: str) -> Reply | DirectStream | None:
        """A stream that has been counted and hears of changes. Whose tasks they are has to be asked for."""
        if listen.listening.tasks or not held.quota.take():
            return None
        stream = DirectStream(listen, held, self._pulse, held.quota.leave)
        try:
            held.subscribe(stream, self._limits.streams, host)
        except Refused as refused:
            held.quota.leave()
            return refusal_reply(refused, listen.id)
        return stream

    async def _get(self, headers: RequestHeaders, held: Held, scene: Scene, receive: Receive, send: Send) -> None:
        session = handshake.session_of(headers, scene)
        if not accepts_events(headers):
            raise Refused(refusals.NOT_ACCEPTABLE, "A GET accepts text/event-stream.")
        name, host = digest(headers.values[SESSION_ID].strip(b" \t")), self._guards.host_in(headers)
        if headers.get(LAST_EVENT_ID):
            last = headers.values[LAST_EVENT_ID].strip(b" \t")
            rest = ResumedStream(self._replay, session, name, scene.principal, last)
            await self._open(rest, held, receive, send, host=host)
            return
        await self._open(
            SessionStream(session, name, scene.principal, partial(self._signals.state.is_subscribed, name)),
            held,
            receive,
            send,
            host=host,
        )

    async def _delete(self, headers: RequestHeaders, held: Held, scene: Scene) -> Reply:
        session = handshake.session_of(headers, scene)
        name = digest(headers.values[SESSION_ID].strip(b" \t"))
        served = held.served
        await self._database.end_session(
            served.tenant_id, served.endpoint_id, served.slug, name, float(session.expires_at)
        )
        held.end_session(name, session.expires_at)
        return Reply(204, b"")


async def _ended(work: Work, reply: Reply | None, outlet: EventOutlet) -> Reply | None:
    """What is left to be sent of a call's answer: none of it where messages went before, and it after them."""
    if outlet.is_open:
        await outlet.finish(b"" if reply is None else reply.body)
        return None
    return UNANSWERED if reply is None and not work.exchange.revision.stateless else reply
