"""Streams that write to their connection themselves: no task, no queue and no timer of their own while nothing happens.

Most connections of a worker are streams that wait, so what counts is what one that waits keeps in memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from mcp_runtime.protocol.listening import Listen
from mcp_runtime.snapshots.held import Held
from mcp_runtime.transports.outlets import event
from mcp_runtime.transports.streams import KEEP_ALIVE, QUEUE, Listener

# Messages up to this size are worth remembering: what says that a list changed is the same for very many streams.
COMMON_BYTES = 512
# A pulse beats at most so often, however many streams are due.
BEAT_SECONDS = 0.1


class Channel(Protocol):
    """An HTTP response that has begun."""

    @property
    def is_choked(self) -> bool:
        """Whether its client takes nothing at the moment."""

    def send(self, frame: bytes) -> None:
        """Writes a part of the body."""

    def finish(self, frame: bytes) -> None:
        """Writes the last part."""


class Pulse:
    """Keeps silent streams alive: one timer for all streams of a worker, which are due in the order they came in."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: deque[tuple[float, DirectStream]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: "DirectStream") -> None:
        """Keeps a stream alive until it is no longer open."""
        loop = asyncio.get_running_loop()
        self._due.append((loop.time() + self._seconds, stream))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._due and self._due[0][0] <= now + BEAT_SECONDS:
            _, stream = self._due.popleft()
            if stream.is_open:
                stream.keep_alive()
                self._due.append((now + self._seconds, stream))
        pause = max(BEAT_SECONDS, self._due[0][0] - now) if self._due else 0.0
        self._timer = loop.call_later(pause, self._beat, loop) if self._due else None


class DirectStream(Listener):
    """The stream of subscriptions/listen on a connection that is its own for as long as it lasts.

    `leave` is called once, when the connection is free again or gone.
    """

    __slots__ = ("_channel", "_expiry", "_held", "_listen", "_pulse", "_waiting", "is_open", "leave")

    def __init__(self, listen: Listen, held: Held, pulse: Pulse, leave: Callable[[], None]) -> None:
        self._listen = listen.lean()
        self._principal = listen.listening.exchange.principal
        self._held = held
        self._pulse = pulse
        self.leave = leave
        self._channel: Channel | None = None
        self._waiting: deque[bytes] | None = None  # for a client that takes nothing
        self._expiry: asyncio.TimerHandle | None = None
        self.is_open = True

    def begin(self, channel: Channel) -> None:
        """The connection is there: says what is honoured, and goes on from there."""
        self._channel = channel
        channel.send(self._opening())
        self._pulse.add(self)
        expires_at = self._principal.expires_at
        if expires_at is not None:
            left = max(0.0, expires_at - time.time())
            self._expiry = asyncio.get_running_loop().call_later(left, self.close)

    def push(self, message: bytes) -> None:
        """Sends a message; what a client does not take waits, up to a bound that ends the stream."""
        self._send(_framed(message) if len(message) <= COMMON_BYTES else event(message))

    def keep_alive(self) -> None:
        """Shows everything between here and the client that the stream is alive."""
        self._send(KEEP_ALIVE)

    def _send(self, frame: bytes) -> None:
        if self._channel is None or not self.is_open:
            return
        if self._waiting is None and not self._channel.is_choked:
            self._channel.send(frame)
            return
        waiting = self._waiting = self._waiting or deque()
        if frame not in waiting:
            waiting.append(frame)
        if len(waiting) > QUEUE:
            waiting.pop()
            self.close()

    def flow(self) -> None:
        """The client takes something again."""
        waiting, self._waiting = self._waiting, None
        if self._channel is None:
            return
        while waiting and not self._channel.is_choked:
            self._channel.send(waiting.popleft())
        self._waiting = waiting or None
        if not self.is_open and not waiting:
            self._finish(self._channel)

    def close(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self._forget()
        if self._channel is not None and not self._waiting:
            self._finish(self._channel)

    def gone(self) -> None:
        """The connection is lost."""
        self.is_open, self._channel, self._waiting = False, None, None
        self._forget()
        self.leave()

    def _finish(self, channel: Channel) -> None:
        self._channel = None
        self.leave()
        channel.finish(self._closing())

    def _forget(self) -> None:
        self._held.unsubscribe(self)
        expiry, self._expiry = self._expiry, None
        if expiry is not None:
            expiry.cancel()


@lru_cache(maxsize=256)
def _framed(message: bytes) -> bytes:
    """The event that carries a message: the same for all streams that say the same."""
    return event(message)
