"""The era of handshakes (2024-11-05 to 2025-11-25): sessions with one server, for each caller one of its own.

A server may keep in a session what it likes, so callers do not share any; nor do they share what a client can be
asked, which is declared once for a session.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from mcp_runtime.protocol.conversing import encode_notification
from mcp_runtime.protocol.jsonrpc import Kind, Message, encode
from mcp_runtime.protocol.revisions import HANDSHAKE, NEWEST_HANDSHAKE
from mcp_runtime.sources.mcp.capabilities import INFO, Abilities, capabilities_of
from mcp_runtime.sources.mcp.conduit import Conduit, SessionGone
from mcp_runtime.sources.mcp.era import About, Changed, Ear, NothingToHear, read_about, unknown_version
from mcp_runtime.sources.mcp.hearing import note
from mcp_runtime.sources.mcp.messages import Answered, broken
from mcp_runtime.sources.mcp.requests import Caller, EraChanged, Request, nobody
from mcp_runtime.sources.mcp.running import Running
from mcp_runtime.sources.mcp.session_call import Background, Bay, Place, SessionCall
from mcp_runtime.sources.mcp.talk import reply_to
from mcp_runtime.sources.mcp.tasks import Tasks
from mcp_runtime.sources.upstream import Health, UpstreamFailed

logger = logging.getLogger(__name__)

MAXIMUM_SESSIONS = 256
IDLE_SECONDS = 300.0
LISTEN_SECONDS = 10.0
FAREWELL_SECONDS = 2.0


class Session:
    """One session, from its handshake on."""

    def __init__(self, conduit: Conduit, changed: Changed, background: Background, bay: Bay) -> None:
        self.conduit = conduit
        self.about = About("")
        self.running: dict[int, Running] = {}
        self.used_at = 0.0
        self.subscribed: frozenset[str] = frozenset()
        self.ears: list[Ear] = []
        self._subscribing = asyncio.Lock()
        self._changed = changed
        self._background = background
        self._bay = bay
        self._last = 0

    async def shake_hands(self, caller: Caller) -> None:
        """Initializes (basic/lifecycle). Raises UpstreamFailed, Answered, EraChanged."""
        await self.conduit.open(caller)
        params = {
            "protocolVersion": NEWEST_HANDSHAKE.version,
            "capabilities": capabilities_of(caller.abilities),
            "clientInfo": INFO,
        }
        result = await self._initialized(params, caller)
        version = result.get("protocolVersion")
        if version not in HANDSHAKE:
            raise unknown_version(version)
        self.about = read_about(version, result)
        self.conduit.established(version)
        await self.conduit.tell(encode_notification("notifications/initialized", {}), caller)

    async def _initialized(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """The result of initialize; a server that refuses the newest version may name those that it has."""
        try:
            return await self._ask("initialize", params, caller)
        except Answered as error:
            named = error.data.get("supported") if type(error.data) is dict else None
            common = [version for version in named if version in HANDSHAKE] if type(named) is list else []
            if not common:
                raise
        return await self._ask("initialize", {**params, "protocolVersion": max(common)}, caller)

    async def request(self, request: Request, caller: Caller) -> dict[str, Any]:
        """The result. Raises SessionGone, Answered, UpstreamFailed, and whatever asking the client raises."""
        return await self._ask(request.method, dict(request.params), caller)

    async def _ask(self, method: str, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._last += 1
        identifier = self._last
        if method != "initialize":
            trace = caller.trace.headers if caller.trace is not None else {}
            params = {**params, "_meta": {"progressToken": identifier, **trace}}
        body = encode({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
        running = self.running[identifier] = self.conduit.request(body, caller)
        is_first = method == "initialize"
        can_wait = caller.can_answer and self._bay.parking is not None and not is_first
        owner = self._bay.owner(caller.principal, method, params) if can_wait else ""
        place = Place(self.conduit, self.running, self._background, self._bay, is_cancellable=not is_first)
        return await SessionCall(place, identifier, running, caller, owner).begin()

    async def subscribe(self, uris: frozenset[str]) -> None:
        """Has the server tell of these resources and no others. Raises SessionGone, UpstreamFailed."""
        async with self._subscribing:
            for uri in sorted(self.subscribed - uris):
                await self._choose("unsubscribe", uri)
                self.subscribed -= {uri}
            for uri in sorted(uris - self.subscribed):
                await self._choose("subscribe", uri)
                self.subscribed |= {uri}

    async def _choose(self, act: str, uri: str) -> None:
        try:
            await self.request(Request(f"resources/{act}", {"uri": uri}), nobody(LISTEN_SECONDS))
        except Answered as error:
            # One that it does not tell of keeps nobody from hearing of the others.
            logger.info("an upstream refuses to %s: %s", act, error.sentence)

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss it."""
        return not self.running and not self.ears

    def hear(self, message: Message) -> bytes | None:
        """Takes what comes on a stream of the session's own; returns what is to be answered at once.

        Raises UpstreamFailed for an answer to what was never asked.
        """
        if message.kind is Kind.RESPONSE:
            self._answered(message)
            return None
        if message.kind is Kind.NOTIFICATION and note(message, self._changed, self._updated):
            return None
        running = self._meant(message)
        if running is not None:
            running.push(message)
            return None
        return reply_to(message) if message.kind is Kind.REQUEST else None

    def _updated(self, uri: str) -> None:
        """Nobody but who listens: what a caller's own session hears of is that caller's."""
        for ear in self.ears[-1:]:
            ear.updated(uri)

    def _answered(self, message: Message) -> None:
        number = int(message.id) if message.id.isdigit() else 0
        if not 0 < number <= self._last:
            raise broken("The server answered a request that was not sent.")
        running = self.running.get(number)
        if running is not None:  # else it was given up
            running.push(message)

    def _meant(self, message: Message) -> Running | None:
        """The call that a message belongs to: the one that its token names, or the only one that could have asked."""
        params = message.params if type(message.params) is dict else {}
        token = params.get("progressToken")
        if type(token) is int:
            return self.running.get(token)
        asking = [running for running in self.running.values() if not running.is_parked]
        return asking[0] if len(asking) == 1 else None


type Key = tuple[str, Abilities]


class Sessions:
    """The sessions with one server; `conduit` makes the transport of one, which tells its session what it hears."""

    def __init__(
        self, conduit: Callable[[Callable[[Message], bytes | None]], Conduit], changed: Changed, bay: Bay
    ) -> None:
        self._conduit = conduit
        self._bay = bay
        self._changed = changed
        self._open: dict[Key, asyncio.Task[Session]] = {}
        self._tasks = Tasks("mcp sessions")
        self._sweeping: asyncio.TimerHandle | None = None

    async def about(self, caller: Caller) -> About:
        """What the handshake said; a session that is open is asked whether it still is."""
        await self.request(Request("ping"), caller)
        return (await self.session(caller)).about

    async def request(self, request: Request, caller: Caller) -> dict[str, Any]:
        """The result; a session that is gone is begun again once, and the request with it."""
        session = await self.session(caller)
        try:
            return await session.request(request, caller)
        except SessionGone:
            self._forget(caller, session)
        session = await self.session(caller)
        try:
            return await session.request(request, caller)
        except SessionGone:
            self._forget(caller, session)
            raise UpstreamFailed("The server ends every session at once.", Health.DEGRADED) from None

    async def session(self, caller: Caller) -> Session:
        """The caller's session, begun where there is none. Raises UpstreamFailed, Answered, EraChanged."""
        key = (caller.principal, caller.abilities)
        beginning = self._open.get(key)
        if beginning is None or (beginning.done() and _failed(beginning)):
            self._make_room()
            beginning = self._open[key] = self._tasks.begin(self._begin(caller))
            if self._sweeping is None:
                self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)
        session = await asyncio.shield(beginning)
        session.used_at = asyncio.get_running_loop().time()
        if caller.can_answer:
            await session.conduit.hear_requests()
        return session

    async def listen(self, about: About, uris: frozenset[str], ear: Ear) -> None:
        """Hears of changes in a session of the platform's own, until that ends."""
        caller = nobody(LISTEN_SECONDS)
        session = await self.session(caller)
        session.ears.append(ear)
        try:
            await self._hear(session, uris if about.setting("resources", "subscribe") else frozenset(), ear)
        except SessionGone:
            self._forget(caller, session)
        finally:
            session.ears.remove(ear)
            # The last one who listened leaves nothing behind that the server would go on telling of.
            if session.is_idle:
                self._forget(caller, session)

    @staticmethod
    async def _hear(session: Session, uris: frozenset[str], ear: Ear) -> None:
        await session.conduit.hear_requests()
        await session.subscribe(uris)
        if session.conduit.is_heard:
            ear.opened()
        await session.conduit.heard_out()
        raise NothingToHear

    async def _begin(self, caller: Caller) -> Session:
        session: Session | None = None

        def hear(message: Message) -> bytes | None:
            return None if session is None else session.hear(message)

        session = Session(self._conduit(hear), self._changed, self.in_background, self._bay)
        try:
            await session.shake_hands(caller)
        except SessionGone:
            await session.conduit.end()
            raise EraChanged from None
        except BaseException:
            await session.conduit.end()
            raise
        return session

    def _forget(self, caller: Caller, session: Session) -> None:
        key = (caller.principal, caller.abilities)
        beginning = self._open.get(key)
        if beginning is not None and beginning.done() and not _failed(beginning) and beginning.result() is session:
            del self._open[key]
            self.in_background(session.conduit.end())

    def _make_room(self) -> None:
        """Ends sessions that nobody used for long. Raises UpstreamFailed where too many are in use."""
        self._sweep()
        if len(self._open) >= MAXIMUM_SESSIONS:
            idle = self._idle()
            if not idle:
                raise UpstreamFailed("Too many sessions with the server are in use.", Health.DEGRADED)
            self._end([min(idle)[1]])

    def _idle(self) -> list[tuple[float, Key]]:
        """The sessions without a call, and when each was used last."""
        done = [(key, task) for key, task in self._open.items() if task.done() and not _failed(task)]
        return [(task.result().used_at, key) for key, task in done if task.result().is_idle]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        if self._sweeping is not None:
            self._sweeping.cancel()
        now = loop.time()
        self._end([key for used_at, key in self._idle() if now - used_at > IDLE_SECONDS])
        for key in [key for key, task in self._open.items() if task.done() and _failed(task)]:
            del self._open[key]
        self._sweeping = loop.call_later(IDLE_SECONDS, self._sweep) if self._open else None

    def _end(self, keys: list[Key]) -> None:
        for key in keys:
            self.in_background(self._open.pop(key).result().conduit.end())

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Does what nobody waits for."""
        self._tasks.begin(work)

    async def close(self) -> None:
        """Ends every session, as politely as it can be done in a moment."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        sessions = [task.result() for task in self._open.values() if task.done() and not _failed(task)]
        self._open.clear()
        for session in sessions:
            self.in_background(session.conduit.end())
        await self._tasks.end(FAREWELL_SECONDS)


def _failed(task: asyncio.Task[Session]) -> bool:
    return task.cancelled() or task.exception() is not None
