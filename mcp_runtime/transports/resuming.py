"""Coming back for the rest of a stream (2025-03-26 to 2025-11-25, basic/transports "Resumability")."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import Session
from mcp_runtime.transports.asgi import Receive, Send
from mcp_runtime.transports.outlets import EVENT_STREAM, event
from mcp_runtime.transports.replay import Remembered, ReplayLog
from mcp_runtime.transports.streams import FOREVER, KEEP_ALIVE, Hearer

_EVENT_ID = re.compile(rb"([0-9a-f]{16})\.([0-9]{1,9})")


class ResumedStream(Hearer):
    """The rest of a stream. Of its endpoint's changes it minds those alone that end it.

    `session_digest` names the session whose stream it was; the event that the client saw last says which.
    """

    def __init__(
        self, log: ReplayLog, session: Session, session_digest: str, principal: Principal, last_event_id: bytes
    ) -> None:
        self._log = log
        self._session_digest = session_digest
        self._principal = principal
        self._expires_at = min(session.expires_at, principal.expires_at or FOREVER)
        self._over = asyncio.Event()
        found = _EVENT_ID.fullmatch(last_event_id)
        self._stream, self._number = (found[1].decode(), int(found[2])) if found else ("", 0)

    def push(self, message: bytes) -> None:
        """Changes are told on streams of their own."""

    def close(self) -> None:
        """Ends now: the client comes back for what it has not got."""
        self._over.set()

    def session_ended(self, session_digest: str) -> None:
        if session_digest == self._session_digest:
            self.close()

    async def serve(self, receive: Receive, send: Send, keep_alive_seconds: float) -> None:
        """Sends what followed the event, until the stream's answer or whatever ends any stream.

        Raises Refused: NOT_FOUND for a stream that is not this session's, or is forgotten; TEMPORARILY_UNAVAILABLE.
        """
        try:
            if not self._stream or not await self._log.exists(self._session_digest, self._stream):
                raise Refused(refusals.NOT_FOUND, "There is no such stream in this session, or it is too long ago.")
        except RedisError:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        rest = self._log.after(self._session_digest, self._stream, self._number, keep_alive_seconds)
        sending = asyncio.ensure_future(_send_rest(rest, self._stream, send))
        ends = [asyncio.ensure_future(self._over.wait()), asyncio.ensure_future(_left(receive))]
        try:
            left = max(0.0, self._expires_at - time.time())
            timeout = None if left == FOREVER else left
            await asyncio.wait({sending, *ends}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *ends):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RedisError):
                await sending
        await send({"type": "http.response.body", "body": b""})


async def _send_rest(events: AsyncIterator[Remembered | None], stream: str, send: Send) -> None:
    async for remembered in events:
        frame = KEEP_ALIVE
        if remembered is not None:
            if not remembered.message:
                continue
            frame = event(remembered.message, f"{stream}.{remembered.number}")
        await send({"type": "http.response.body", "body": frame, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
