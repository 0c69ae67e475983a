"""Streams that outlive their connection: what was sent on them is kept a while, for any worker to send again."""

import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

LIFETIME_SECONDS = 600
MAXIMUM_EVENTS = 1_000
# Of one stream together: the oldest are forgotten first, and the last message is kept however long it is.
MAXIMUM_BYTES = 4 * 1024 * 1024
_LAST = b"1"


@dataclass(frozen=True, slots=True)
class Remembered:
    """One event of a stream. `message` is empty for the one that primed it."""

    number: int
    message: bytes
    is_last: bool


class Memory:
    """How much of one stream is worth keeping."""

    __slots__ = ("_bytes", "_sizes")

    def __init__(self) -> None:
        self._sizes: deque[int] = deque(maxlen=MAXIMUM_EVENTS)
        self._bytes = 0

    def after(self, size: int) -> int:
        """How many of the latest events to keep, one of `size` bytes that comes now among them."""
        if len(self._sizes) == MAXIMUM_EVENTS:
            self._bytes -= self._sizes.popleft()
        self._sizes.append(size)
        self._bytes += size
        while self._bytes > MAXIMUM_BYTES and len(self._sizes) > 1:
            self._bytes -= self._sizes.popleft()
        return len(self._sizes)


class ReplayLog:
    """Keeps events in a stream of Valkey's, named by session and stream: another session finds nothing there."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the library's types leave open what it decodes

    async def append(self, session: str, stream: str, number: int, message: bytes, *, keep: int, is_last: bool) -> None:
        """Remembers an event, and about `keep` of the latest. Streams go on while Valkey is away, but not again."""
        key = _key(session, stream)
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                fields = ("m", message, "e", _LAST if is_last else b"")
                pipe.execute_command("XADD", key, "MAXLEN", "~", keep, f"{number}-0", *fields)
                pipe.expire(key, LIFETIME_SECONDS)
                await pipe.execute()
        except RedisError as error:
            logger.warning("a stream cannot be resumed: %s", type(error).__name__)

    async def exists(self, session: str, stream: str) -> bool:
        """Whether anything is kept of a stream."""
        return bool(await self._client.exists(_key(session, stream)))

    async def after(
        self, session: str, stream: str, number: int, wait_seconds: float
    ) -> AsyncIterator[Remembered | None]:
        """The events after `number`, those to come among them; None whenever nothing came for `wait_seconds`."""
        key, position = _key(session, stream), f"{number}-0"
        while True:
            entries = await self._client.xrange(key, f"({position}")
            if not entries:
                milliseconds = max(1, round(wait_seconds * 1_000))  # none at all would be for ever
                await self._client.execute_command("XREAD", "BLOCK", milliseconds, "STREAMS", key, position)
                yield None
                continue
            for identifier, fields in entries:
                position = identifier.decode()
                is_last = fields[b"e"] == _LAST
                yield Remembered(int(position.partition("-")[0]), fields[b"m"], is_last)
                if is_last:
                    return


def _key(session: str, stream: str) -> str:
    return f"armstrong:stream:{session}:{stream}"
