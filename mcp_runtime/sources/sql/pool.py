"""The few connections that a worker keeps to one PostgreSQL database, and the read-only transactions on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from core import refusals
from core.refusals import Refused
from mcp_runtime.sources.sql.bounded import BoundedConnection

CONNECTIONS = 4
WAITING = 100
IDLE_SECONDS = 60.0
# What beginning and ending a transaction may be answered with.
CONTROL_BYTES = 64 * 1024

type Connect = Callable[[], Awaitable[BoundedConnection]]


class Pool:
    """At most CONNECTIONS connections of one upstream in one event loop; one that idles is closed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._waiting = 0
        self._idle: list[tuple[BoundedConnection, asyncio.TimerHandle]] = []
        self._used: set[BoundedConnection] = set()
        self._is_closed = False

    @asynccontextmanager
    async def transaction(self, beginning: str) -> AsyncIterator[BoundedConnection]:
        """A connection on which `beginning` was executed; it ends with the block, whatever the block did.

        Raises UpstreamFailed, psycopg.Error and Refused(OVERLOADED).
        """
        async with self._slot():
            connection = await self._begun(beginning)
            self._used.add(connection)
            is_clean = False
            try:
                yield connection
                is_clean = await _ended(connection)
            finally:
                self._used.discard(connection)
                self._give_back(connection, is_clean=is_clean)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Refused(refusals.OVERLOADED, "Too many calls wait for this database.")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _begun(self, beginning: str) -> BoundedConnection:
        # A server may have closed one that idled; nothing was asked of it yet, so that another can be taken.
        while self._idle:
            connection, timer = self._idle.pop()
            timer.cancel()
            if await self._begins(connection, beginning):
                return connection
        connection = await self._connect()
        try:
            await _begin(connection, beginning)
        except BaseException:
            connection.drop()
            raise
        return connection

    async def _begins(self, connection: BoundedConnection, beginning: str) -> bool:
        try:
            await _begin(connection, beginning)
        except psycopg.OperationalError:
            connection.drop()
            return False
        except BaseException:
            connection.drop()
            raise
        return True

    def _give_back(self, connection: BoundedConnection, *, is_clean: bool) -> None:
        if not is_clean or self._is_closed:
            connection.drop()
            return
        timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire, connection)
        self._idle.append((connection, timer))

    def _expire(self, connection: BoundedConnection) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not connection]
        connection.drop()

    def close(self) -> None:
        """Closes all connections; what is under way on them fails."""
        self._is_closed = True
        for connection, timer in self._idle:
            timer.cancel()
            connection.drop()
        self._idle = []
        for connection in self._used:
            connection.drop()


async def _begin(connection: BoundedConnection, beginning: str) -> None:
    connection.allow(CONTROL_BYTES)
    await connection.execute(beginning.encode())


async def _ended(connection: BoundedConnection) -> bool:
    """Rolls back, which takes every setting back too, and gives up what outlives transactions (advisory locks)."""
    try:
        connection.allow(CONTROL_BYTES)
        await connection.execute(b"ROLLBACK")
        await connection.execute(b"DISCARD ALL")
    except psycopg.Error:
        return False
    return connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
