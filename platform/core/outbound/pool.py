"""Kept connections: so many to each origin and in all, used again while they are fresh, closed when they lie idle."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from core.outbound.destination import Origin
from core.outbound.failures import ConnectionFailed, ResponseBroken, TimedOut
from core.outbound.streams import Stream
from core.outbound.wire import Answer, Connection, Question, Unanswered

CONNECTIONS = 2_000
CONNECTIONS_PER_ORIGIN = 100
WAITING_SECONDS = 5  # for one of an origin's connections to become free
# What may not be sent twice goes out on a connection that was used so recently that its server hardly closes it now.
FRESH_SECONDS = 4.0
# Then another is dialled, so that a name that moved is followed, and its address checked again.
MAXIMUM_AGE_SECONDS = 120.0
SWEEP_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
# Streams do not count as in use, since they stay; so many may be open to one origin.
STREAMS_PER_ORIGIN = 500

type Dial = Callable[[Origin], Awaitable[Connection]]


class Pool:
    """The connections that `dial` opens (see `Dialler.dial`); `open` are those that are not closed yet."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._lines: dict[Origin, _Line] = {}
        self.open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def ask(self, origin: Origin, question: Question, *, is_repeatable: bool) -> Answer:
        """The answer of `origin`. Raises FetchFailed and Refused.

        Only what `is_repeatable` is sent again, once, where a kept connection turns out to have been closed.
        """
        line = self._line(origin)
        line.users += 1
        try:
            if line.slots.locked():
                await self._turn(line)
            else:
                await line.slots.acquire()
            try:
                return await self._exchange(line, question, is_repeatable=is_repeatable)
            finally:
                line.slots.release()
        finally:
            line.users -= 1
            if line.is_unused:
                self._lines.pop(origin, None)

    def _line(self, origin: Origin) -> "_Line":
        line = self._lines.get(origin)
        if line is None:
            line = self._lines[origin] = _Line(origin)
        return line

    @staticmethod
    async def _turn(line: "_Line") -> None:
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await line.slots.acquire()
        except TimeoutError:
            raise TimedOut(f"All connections to {line.origin.host} are in use.") from None

    async def _exchange(self, line: "_Line", question: Question, *, is_repeatable: bool) -> Answer:
        connection = line.kept(is_repeatable=is_repeatable)
        if connection is not None:
            try:
                return await self._use(connection, line, question)
            except Unanswered as unanswered:
                if not is_repeatable:
                    raise ResponseBroken(str(unanswered)) from None
        connection = await self._dialled(line.origin)
        try:
            return await self._use(connection, line, question)
        except Unanswered as unanswered:
            raise ResponseBroken(str(unanswered)) from None

    async def _use(self, connection: Connection, line: "_Line", question: Question) -> Answer:
        try:
            answer = await connection.ask(question)
        except BaseException:
            # Cancelled, too: what is still to come would be taken for the next answer.
            connection.close()
            raise
        if answer.stream is not None:
            self._follow(answer.stream, connection, line)
        else:
            self._put_back(connection, line)
        return answer

    def _follow(self, stream: Stream, connection: Connection, line: "_Line") -> None:
        """Has the connection put back when the stream's reader is done. Raises TimedOut where too many stay."""
        if line.streams >= STREAMS_PER_ORIGIN:
            connection.close()
            raise TimedOut(f"Too many streams of {line.origin.host} are open.")
        line.streams += 1
        stream.when_closed(partial(self._stream_closed, connection, line))

    def _stream_closed(self, connection: Connection, line: "_Line") -> None:
        line.streams -= 1
        self._put_back(connection, line)
        if line.is_unused and self._lines.get(line.origin) is line:
            del self._lines[line.origin]

    def _put_back(self, connection: Connection, line: "_Line") -> None:
        if connection.is_reusable and self._lines.get(line.origin) is line:
            self._keep(connection, line)
        else:
            connection.close()

    def _keep(self, connection: Connection, line: "_Line") -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        line.idle.append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep)

    async def _dialled(self, origin: Origin) -> Connection:
        if len(self.open) >= CONNECTIONS:
            self._make_room()
        connection = await self._dial(origin)
        self.open.add(connection)
        connection.closed.add_done_callback(lambda _closed: self.open.discard(connection))
        return connection

    def _make_room(self) -> None:
        """Closes the connection that lies idle for longest. Raises ConnectionFailed where there is none."""
        lines = [line for line in self._lines.values() if line.idle]
        if not lines:
            raise ConnectionFailed("Too many requests are leaving at this moment.")
        min(lines, key=lambda line: line.idle[0].idle_since).idle.pop(0).close()

    def _sweep(self) -> None:
        self._sweeping = None
        now = asyncio.get_running_loop().time()
        for origin, line in list(self._lines.items()):
            line.sweep(now)
            if line.is_unused:
                del self._lines[origin]
        if any(line.idle for line in self._lines.values()):
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    async def close(self) -> None:
        """Closes all connections; requests that are under way fail."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        closed = [connection.closed for connection in self.open]
        for connection in list(self.open):
            connection.close()
        self._lines.clear()
        if closed:
            await asyncio.wait(closed, timeout=FAREWELL_SECONDS)


class _Line:
    """The connections to one origin: `slots` bounds those in use, and so those that are open, since one is dialled
    only where none lies idle. `users` have one or wait for one; `streams` are still being read.
    """

    __slots__ = ("idle", "origin", "slots", "streams", "users")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.slots = asyncio.Semaphore(CONNECTIONS_PER_ORIGIN)
        self.idle: list[Connection] = []
        self.users = self.streams = 0

    @property
    def is_unused(self) -> bool:
        """Whether nothing is kept here, and nobody uses it."""
        return not self.idle and not self.users and not self.streams

    def kept(self, *, is_repeatable: bool) -> Connection | None:
        """The connection that was used last, if there is one that can be used again."""
        now = asyncio.get_running_loop().time()
        while self.idle:
            connection = self.idle.pop()
            is_fresh = is_repeatable or now - connection.idle_since < FRESH_SECONDS
            if is_fresh and connection.is_reusable and not _is_stale(connection, now):
                return connection
            connection.close()
        return None

    def sweep(self, now: float) -> None:
        """Closes what was not used for long enough."""
        kept = [connection for connection in self.idle if connection.is_reusable and not _is_stale(connection, now)]
        for connection in set(self.idle).difference(kept):
            connection.close()
        self.idle = kept


def _is_stale(connection: Connection, now: float) -> bool:
    return now - connection.idle_since > connection.keep_seconds or now - connection.born > MAXIMUM_AGE_SECONDS
