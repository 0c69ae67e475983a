"""uvicorn's WebSocket with a bound on how long a connection outlives what served it.

uvicorn waits for all that was written to be taken before it closes, and a client that stopped reading takes nothing.
"""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# For the closing handshake, which uvicorn itself waits 10 seconds for.
LINGER_SECONDS = 15.0


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One connection."""

    _lingering: asyncio.TimerHandle | None = None

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """What served the connection has ended, and soon so does the connection."""
        super().on_task_complete(task)
        if not self.disconnected:
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Has ended."""
        super().connection_lost(exc)
        if self._lingering is not None:
            self._lingering.cancel()
