"""A connection to a PostgreSQL server that nobody vouches for: what it may send for one call is counted in bytes."""

import fcntl
import socket
import struct
import termios
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen

# tcpi_bytes_received of struct tcp_info (linux/tcp.h, since 4.1): what the kernel took for this socket so far.
RECEIVED = struct.Struct("Q")
RECEIVED_OFFSET = 128
UNREAD = struct.Struct("i")
TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
INTERVAL_SECONDS = 0.1


class TooLarge(Exception):
    """The server sent more for one call than its limit."""


def taken(descriptor: int) -> int:
    """How many bytes were read off this TCP connection; 0 where the system does not tell (it tells on Linux)."""
    if TCP_INFO is None:
        return 0
    borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    try:
        info = borrowed.getsockopt(socket.IPPROTO_TCP, TCP_INFO, RECEIVED_OFFSET + RECEIVED.size)
    finally:
        borrowed.detach()
    if len(info) < RECEIVED_OFFSET + RECEIVED.size:
        return 0
    (unread,) = UNREAD.unpack(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(UNREAD.size)))
    return int(RECEIVED.unpack_from(info, RECEIVED_OFFSET)[0]) - int(unread)


class BoundedConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Counts before libpq reads on, since libpq itself takes a message of any size.

    Whoever is cancelled leaves the connection in the middle of something: its owner drops it then.
    """

    most: int | None = None  # bytes, of all that was read since the connection began

    def allow(self, size: int) -> None:
        """From now on the server may send so many bytes more."""
        self.most = taken(self.pgconn.socket) + size

    async def wait[ValueT](
        self,
        gen: PQGen[ValueT],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109  # as in the class above
    ) -> ValueT:
        """Drives one exchange with the server. Raises TooLarge."""
        return await waiting.wait_async(self._counted(gen), self.pgconn.socket, interval=interval, timeout=timeout)

    def _counted[ValueT](self, gen: PQGen[ValueT]) -> Generator[Any, Any, ValueT]:
        try:
            state = next(gen)
            while True:
                ready = yield state
                if self.most is not None and taken(self.pgconn.socket) > self.most:
                    raise TooLarge
                state = gen.send(ready)
        except StopIteration as stop:
            value: ValueT = stop.value
            return value

    def drop(self) -> None:
        """Closes the connection, whatever is under way on it."""
        self.pgconn.finish()
