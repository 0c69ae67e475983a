"""The body of an answer that is read while it comes: pieces in order, and no more of them held than a few."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from core.outbound.failures import FetchFailed, ResponseTooLarge, TimedOut

# So much may wait for its reader before the other side is no longer read from.
HIGH_WATER_BYTES = 256 * 1024


class Tap(Protocol):
    """The flow of bytes into a stream: asyncio.ReadTransport has it."""

    def pause_reading(self) -> None:
        """Reads no more."""

    def resume_reading(self) -> None:
        """Reads on."""


class Stream:
    """A body on its way. Whoever got one reads it to its end or closes it; one reader at a time.

    `limit` is how many bytes it may have in all, `idle_seconds` how long a reader waits for the next of them.
    """

    __slots__ = (
        "_closed",
        "_failure",
        "_held",
        "_host",
        "_idle",
        "_is_over",
        "_limit",
        "_pieces",
        "_size",
        "_tap",
        "_waiting",
    )

    def __init__(self, host: str, tap: Tap, limit: int, idle_seconds: float) -> None:
        self._host = host
        self._tap: Tap | None = tap
        self._limit = limit
        self._idle = idle_seconds
        self._pieces: list[bytes] = []
        self._size = self._held = 0
        self._is_over = False
        self._failure: FetchFailed | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._closed: Callable[[], None] | None = None

    async def read(self) -> bytes:
        """What has come since the last time; empty at the end, and where `poke` was called. Raises FetchFailed."""
        if not self._pieces and not self._is_over:
            await self._wait()
        if self._pieces:
            piece = b"".join(self._pieces)
            self._pieces.clear()
            if self._held > HIGH_WATER_BYTES and self._tap is not None and not self._is_over:
                self._tap.resume_reading()
            self._held = 0
            return piece
        if self._failure is not None:
            raise self._failure
        return b""

    async def _wait(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._idle):
                await self._waiting
        except TimeoutError:
            self.fail(TimedOut(f"{self._host} sent nothing for {self._idle:.3g} s."))
        finally:
            self._waiting = None

    def poke(self) -> None:
        """Has whoever waits in `read` look up."""
        self._wake()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: it ended, failed or was closed."""
        return self._is_over

    def close(self) -> None:
        """Wants no more of it: to be called by whoever got it, also after its end."""
        self._pieces.clear()
        self._is_over = True
        self._wake()
        closed, self._closed = self._closed, None
        self._tap = None
        if closed is not None:
            closed()

    # For the connection that it comes from

    def when_closed(self, callback: Callable[[], None]) -> None:
        """Has `callback` called when the reader is done."""
        self._closed = callback

    def feed(self, data: bytes) -> None:
        """Takes a piece. Raises ResponseTooLarge for one too many."""
        if self._is_over:
            return
        self._size += len(data)
        if self._size > self._limit:
            raise ResponseTooLarge(f"The answer of {self._host} does not end.")
        self._pieces.append(data)
        self._held += len(data)
        if self._tap is not None and self._held > HIGH_WATER_BYTES:
            self._tap.pause_reading()
        self._wake()

    def finish(self) -> None:
        """The body is over."""
        self._is_over = True
        self._wake()

    def fail(self, failure: FetchFailed) -> None:
        """The body broke off; what came before can still be read."""
        if not self._is_over:
            self._failure = failure
        self.finish()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
