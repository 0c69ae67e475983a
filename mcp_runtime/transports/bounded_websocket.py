"""uvicorn's WebSocket with a bound on how long a connection outlives what served it.

uvicorn waits for all that was written to be taken before it closes, and a client that stopped reading takes nothing.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# For the closing handshake, which uvicorn itself waits 10 seconds for.
LINGER_SECONDS = 15.0


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a record is about our own doing: text that is not UTF-8 is the client's, and no reason to fill a log."""
    return not (record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError))


_logger = logging.getLogger(__name__)
_logger.addFilter(_is_ours)


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _logger
        self._lingering: asyncio.TimerHandle | None = None

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
