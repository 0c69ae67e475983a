"""Connections of the data plane to PostgreSQL: asynchronous, bounded in time, and back as soon as the database is."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import psycopg

ANSWER_SECONDS = 3.0
# For what else there is to wait for: the connection's other users, and its end.
GRACE_SECONDS = 0.5
# Shows the rows of one tenant for the rest of the transaction (see core.tenancy).
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
_KEEP_ALIVE: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}

type Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class DatabaseAway(Exception):
    """The database did not answer in time, or cannot be reached."""


async def connect(url: str) -> Connection:
    """A connection of its own, in autocommit, which notices a peer that silently went away."""
    return await psycopg.AsyncConnection.connect(url, autocommit=True, **_KEEP_ALIVE)


class Line:
    """One connection for one transaction after another, made when it is needed.

    A pool would go on trying by itself with growing pauses, and so be away longer than the database is.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._is_closed = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction; raises DatabaseAway, after ANSWER_SECONDS and GRACE_SECONDS at most, or if it was closed."""
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        try:
            async with asyncio.timeout_at(deadline + GRACE_SECONDS), self._lock, self._ready(deadline) as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            raise DatabaseAway from error

    @asynccontextmanager
    async def _ready(self, deadline: float) -> AsyncIterator[Connection]:
        try:
            connection = self._connection = await self._alive(deadline) or await connect(self._url)
            if self._is_closed:
                # Somebody still asked while the end had begun, and nobody would close the connection any more.
                raise DatabaseAway
            with _answering(connection, deadline):
                async with connection.transaction():
                    yield connection
        except BaseException:
            # Whatever happened, also being cancelled: the next transaction begins with a fresh connection.
            await self._drop()
            raise

    async def _alive(self, deadline: float) -> Connection | None:
        """The connection, unless it was lost while nobody used it, which is no failure of the database now."""
        if self._connection is not None:
            try:
                with _answering(self._connection, deadline):
                    await self._connection.execute("SELECT 1")
            except psycopg.Error:
                await self._drop()
        return self._connection

    async def close(self) -> None:
        """Closes the connection, if there is one, for good."""
        self._is_closed = True
        await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


@contextmanager
def _answering(connection: Connection, deadline: float) -> Iterator[None]:
    """Ends the connection at the deadline, so that whoever waits for an answer has an error at once.

    Cancelled instead, psycopg would first ask the server to end the query, and wait ten seconds for a server that may
    be gone.
    """
    ending = asyncio.get_running_loop().call_at(deadline, _hang_up, connection)
    try:
        yield
    finally:
        ending.cancel()


def _hang_up(connection: Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)
