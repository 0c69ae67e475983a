"""Reading a body: bounded in size and time while it arrives, whatever its length is said to be."""

import asyncio

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol.headers import CONTENT_LENGTH, RequestHeaders
from mcp_runtime.transports.asgi import Receive
from mcp_runtime.transports.limits import Limits

MAXIMUM_LENGTH_DIGITS = 19  # of 2^63, beyond which no length is one


class ClientGone(Exception):
    """The client closed its connection before the request was whole."""


async def read_body(receive: Receive, headers: RequestHeaders, limits: Limits) -> bytes:
    """The whole body. Raises Refused: BODY_TOO_LARGE, BODY_TOO_SLOW; ClientGone."""
    declared = headers.get(CONTENT_LENGTH)
    if declared is not None and declared.isdigit() and _exceeds(declared, limits.body_bytes):
        raise Refused(refusals.BODY_TOO_LARGE, f"The body is larger than {limits.body_bytes} bytes.")
    # Eager: a body that has arrived already, as nearly every one has, costs no timer and no turn of the loop.
    reading = asyncio.Task(_read(receive, limits.body_bytes), loop=asyncio.get_running_loop(), eager_start=True)
    if reading.done():
        return reading.result()
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await reading
    except TimeoutError:
        raise Refused(refusals.BODY_TOO_SLOW) from None


def _exceeds(digits: bytes, limit: int) -> bool:
    """Whether a number is too large; one of thousands of digits would not be read by `int`."""
    return len(digits) > MAXIMUM_LENGTH_DIGITS or int(digits) > limit


async def _read(receive: Receive, limit: int) -> bytes:
    event = await receive()
    if event["type"] == "http.request" and not event.get("more_body"):
        return _bounded(event.get("body", b""), limit)
    chunks: list[bytes] = []
    size = 0
    while event["type"] == "http.request":
        chunk = event.get("body", b"")
        size += len(chunk)
        chunks.append(_bounded(chunk, limit - size + len(chunk)))
        if not event.get("more_body"):
            return b"".join(chunks)
        event = await receive()
    raise ClientGone


def _bounded(chunk: bytes, room: int) -> bytes:
    if len(chunk) > room:
        raise Refused(refusals.BODY_TOO_LARGE)
    return chunk
