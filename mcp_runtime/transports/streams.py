"""Event streams that clients hold open: frames in a bounded queue, keep-alives, and every reason to end."""

import asyncio
import time
from collections import deque

from mcp_runtime.authorization.bearer import is_still_valid
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.sessions import Session
from mcp_runtime.transports.asgi import Receive, Send

KEEP_ALIVE = b": keep-alive\n\n"
TOOLS_CHANGED = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
QUEUE = 64
# A client that takes longer to take a frame is not reading.
SEND_SECONDS = 30.0
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """One stream of one session; hears of changes as a subscriber of the endpoint."""

    def __init__(self, session: Session, session_digest: str, principal: Principal) -> None:
        self._session_digest = session_digest
        self._principal = principal
        self._expires_at = min(session.expires_at, principal.expires_at or session.expires_at)
        self._frames: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def push(self, frame: bytes) -> None:
        """Queues a frame; a frame that waits already says the same. A full queue ends the stream: nobody reads it."""
        if frame in self._frames:
            return
        if len(self._frames) >= QUEUE:
            self.close()
            return
        self._frames.append(frame)
        self._wake.set()

    def endpoint_changed(self, served: ServedEndpoint, changed_tools: frozenset[str]) -> None:
        """Tells the client that its list changed, or ends if it would not be let in any more."""
        if not is_still_valid(self._principal, served, time.time()):
            self.close()
        elif any(self._principal.may_use(name) for name in changed_tools):
            self.push(TOOLS_CHANGED)

    def session_ended(self, session_digest: str) -> None:
        """Ends with its session."""
        if session_digest == self._session_digest:
            self.close()

    def close(self) -> None:
        """Ends once the client has what is queued."""
        self._closed = True
        self._wake.set()

    async def serve(self, receive: Receive, send: Send, keep_alive_seconds: float) -> None:
        """Sends frames until the stream is closed, the client leaves, or its session or key expires."""
        watcher = asyncio.ensure_future(self._close_on_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            # A first comment, so that proxies and clients see the stream open before anything happens on it.
            await self._send(send, KEEP_ALIVE)
            while await self._pump(send, keep_alive_seconds):
                pass
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return
        finally:
            watcher.cancel()

    async def _pump(self, send: Send, keep_alive_seconds: float) -> bool:
        left = self._expires_at - time.time()
        try:
            async with asyncio.timeout(max(0.0, min(keep_alive_seconds, left))):
                await self._wake.wait()
        except TimeoutError:
            if left > keep_alive_seconds:
                await self._send(send, KEEP_ALIVE)
            return left > keep_alive_seconds
        self._wake.clear()
        while self._frames:
            await self._send(send, self._frames.popleft())
        return not self._closed

    @staticmethod
    async def _send(send: Send, frame: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": frame, "more_body": True})

    async def _close_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.close()
