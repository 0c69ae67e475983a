"""The floor: the least an ASGI application can do with a call. It reads the body and sends bytes made beforehand."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tests.bench.wire import TEXT

type Message = MutableMapping[str, Any]

ANSWER = b'{"jsonrpc":"2.0","id":0,"result":{"resultType":"complete","content":[{"type":"text","text":"%s"}]}}'
BODY = ANSWER % TEXT.encode()
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}
END = {"type": "http.response.body", "body": BODY}


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answers every request with the same bytes: request 0 is the one it truly echoes."""
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(END)
