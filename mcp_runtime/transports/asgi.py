"""The shapes of ASGI, and how a whole reply is sent."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp_runtime.protocol.replies import HeaderList, Reply

type Scope = MutableMapping[str, Any]
type Event = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Event]]
type Send = Callable[[Event], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_EMPTY: HeaderList = ((b"content-length", b"0"),)


async def send_reply(send: Send, reply: Reply) -> None:
    """Sends status, headers and body in two events."""
    body = reply.body
    headers: HeaderList
    if body:
        headers = ((b"content-type", reply.media_type), (b"content-length", b"%d" % len(body)), *reply.headers)
    else:
        headers = reply.headers if reply.status in (204, 304) else (*_EMPTY, *reply.headers)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def with_headers(send: Send, extra: HeaderList) -> Send:
    """A `send` that adds headers to whatever response is started."""

    async def sending(event: Event) -> None:
        if event["type"] == "http.response.start":
            event["headers"] = (*event["headers"], *extra)
        await send(event)

    return sending
