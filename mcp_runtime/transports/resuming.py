"""Coming back for the rest of a stream (2025-03-26 to 2025-11-25, basic/transports "Resumability")."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from core import refusals
from core.refusals import Refused
from mcp_runtime.transports.asgi import Receive, Send
from mcp_runtime.transports.outlets import EVENT_STREAM, event
from mcp_runtime.transports.replay import Remembered, ReplayLog

KEEP_ALIVE = b": keep-alive\n\n"
_EVENT_ID = re.compile(rb"([0-9a-f]{16})\.([0-9]{1,9})")


async def resume(log: ReplayLog, session: str, last_event_id: bytes, receive: Receive, send: Send) -> None:
    """Sends what followed an event on its own stream, until that stream's answer.

    Raises Refused(NOT_FOUND) for a stream that is not this session's, or is forgotten.
    """
    found = _EVENT_ID.fullmatch(last_event_id)
    stream, number = (found[1].decode(), int(found[2])) if found else ("", 0)
    try:
        if not found or not await log.exists(session, stream):
            raise Refused(refusals.NOT_FOUND, "There is no such stream in this session, or it is too long ago.")
    except RedisError:
        raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None
    await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
    sending = asyncio.ensure_future(_send_rest(log.after(session, stream, number), stream, send))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
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
