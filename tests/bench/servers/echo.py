"""A raw ASGI application that truly echoes: decodes the request, answers with its text and its id, checks nothing."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

type Message = MutableMapping[str, Any]


class Arguments(msgspec.Struct):
    """What the tool is given."""

    text: str


class Params(msgspec.Struct):
    """What of a call is looked at."""

    name: str
    arguments: Arguments


class Request(msgspec.Struct):
    """A JSON-RPC request."""

    id: int
    method: str
    params: Params


decode = msgspec.json.Decoder(Request).decode
encode = msgspec.json.Encoder().encode


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answers a call with its own text."""
    event = await receive()
    body = event["body"]
    while event.get("more_body"):
        event = await receive()
        body += event["body"]
    request = decode(body)
    content = [{"type": "text", "text": request.params.arguments.text}]
    result = {"content": content, "isError": False, "resultType": "complete"}
    answer = encode({"jsonrpc": "2.0", "id": request.id, "result": result})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
