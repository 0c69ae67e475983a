"""Stands between an MCP application and its client, and holds every message that leaves to its revision.

What is wrong is told to `report` and changes nothing: the client receives what was sent.
"""

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from core import crypto
from mcp_runtime.protocol.handshake import ASSUMED
from mcp_runtime.protocol.revisions import HANDSHAKE_VERSIONS
from mcp_runtime.protocol.stateless import VERSION_KEY
from mcp_runtime.transports.asgi import Event
from mcp_runtime.transports.http_sse import MESSAGES
from tests.witness.judging import STATELESS_FROM, complaints

NEWEST_HANDSHAKE = "2025-11-25"

type Report = Callable[[str], None]
type App = Callable[[Any, Any, Any], Any]

# What each session asked, by the id: its answer may come on another stream.
_asked: dict[str, dict[str, str]] = {}
# What was negotiated on each connection that is a session itself, by its address.
_agreed: dict[str, str] = {}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


class Hearing:
    """One exchange: what was asked of the server, in which revision, and what it says.

    `connection` is the address of the two-way connection that it is part of, if it is.
    """

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], report: Report, connection: str = "") -> None:
        self.connection = connection
        self._headers = {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in headers}
        self._report = report
        self._body: Any = None
        self._requests: dict[str, str] = {}
        self._stateless: set[str] = set()

    def ask(self, body: bytes) -> None:
        """Takes note of the request's body."""
        try:
            self._body = json.loads(body)
        except (ValueError, RecursionError):
            return
        messages = self._body if isinstance(self._body, list) else [self._body]
        for message in messages:
            if isinstance(message, dict) and isinstance(message.get("method"), str) and "id" in message:
                self._requests[json.dumps(message["id"])] = message["method"]
                if self._is_stateless_body():
                    self._stateless.add(json.dumps(message["id"]))
        if self._session:
            _asked.setdefault(self._session, {}).update(self._requests)

    def hear(self, text: bytes) -> None:
        """Judges a JSON text that the server sent: a message, or a batch of them."""
        value = json.loads(text)
        messages = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not self.connection and not (isinstance(self._body, list) and value):
            self._report(f"a batch that nobody asked for: {value!r}")
        for message in messages:
            self._judge(message)

    def _judge(self, message: Any) -> None:
        version, method = self._version(message), self._method(message)
        for complaint in complaints(message, version, method):
            self._report(f"{complaint}\n    in {json.dumps(message)[:2_000]}")

    def _method(self, message: Any) -> str | None:
        """The method of the request that a response answers."""
        if not isinstance(message, dict) or "method" in message or "id" not in message:
            return None
        identifier = json.dumps(message["id"])
        if self._requests and identifier not in self._requests:
            self._report(f"an answer to a request that was not made: {message!r}")
        return self._requests.get(identifier) or _asked.get(self._session, {}).get(identifier)

    def _version(self, message: Any) -> str:
        if self.connection:
            return self._version_on_connection(message)
        stated = self._headers.get("mcp-protocol-version")
        if (stated is not None and stated not in HANDSHAKE_VERSIONS) or self._is_stateless_body():
            return STATELESS_FROM
        if isinstance(message, dict) and isinstance(message.get("result"), dict):
            agreed = message["result"].get("protocolVersion")
            if agreed in HANDSHAKE_VERSIONS:
                return str(agreed)
        if self._session:
            return version_of(self._session) or NEWEST_HANDSHAKE
        return stated or ASSUMED

    def _version_on_connection(self, message: Any) -> str:
        """By the request that it answers, or the subscription that it belongs to; else by what was negotiated."""
        params, result = message.get("params"), message.get("result")
        if json.dumps(message.get("id")) in self._stateless or SUBSCRIPTION in json.dumps(params):
            return STATELESS_FROM
        agreed = result.get("protocolVersion") if isinstance(result, dict) else None
        if agreed in HANDSHAKE_VERSIONS:
            _agreed[self.connection] = str(agreed)
        return _agreed.get(self.connection, STATELESS_FROM if self._stateless else ASSUMED)

    def _is_stateless_body(self) -> bool:
        params = self._body.get("params") if isinstance(self._body, dict) else None
        meta = params.get("_meta") if isinstance(params, dict) else None
        return isinstance(meta, dict) and VERSION_KEY in meta

    @property
    def _session(self) -> str:
        return self.connection or self._headers.get("mcp-session-id", "")


def overhear(sent: bytes, text: bytes, report: Report) -> None:
    """Judges what a server said on a connection, with what was written to it, as far as that can be read."""
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    hearing = Hearing([(name.strip(), value) for name, _colon, value in lines], report)
    hearing.ask(body)
    hearing.hear(text)


def version_of(session: str) -> str | None:
    """The revision that a session's token says was negotiated."""
    try:
        parts = msgspec.json.decode(crypto.decode(session.partition(".")[0]))
    except (crypto.Forged, msgspec.DecodeError, UnicodeError):
        return None
    found = parts[3] if isinstance(parts, list) and len(parts) > 3 else None
    return found if found in HANDSHAKE_VERSIONS else None


class Witness:
    """An ASGI application that serves as `app` does, and reports what is wrong with its messages."""

    def __init__(self, app: App, report: Report) -> None:
        self._app = app
        self._report = report

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # What is read before connecting is no message of the protocol's.
        if scope["type"] == "lifespan" or scope.get("path", "").startswith("/.well-known/"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket" and scope["path"].endswith("/"):
            await self._app(scope, receive, send)  # the console's: no endpoint's address ends with a slash
            return
        if scope["type"] == "websocket":
            hearing = Hearing(scope["headers"], self._report, secrets.token_hex(8))
            await self._app(scope, _asking(hearing, receive), _answering(hearing, send))
            return
        posted_to = scope["query_string"].decode() if scope.get("path", "").endswith(MESSAGES) else ""
        response = _Response(Hearing(scope["headers"], self._report, posted_to))

        async def receiving() -> Event:
            event: Event = await receive()
            response.asked(event)
            return event

        async def sending(event: Event) -> None:
            response.sent(event)
            await send(event)

        await self._app(scope, receiving, sending)


def _asking(hearing: Hearing, receive: Any) -> Any:
    async def receiving() -> Event:
        event: Event = await receive()
        if event["type"] == "websocket.receive" and event.get("text") is not None:
            hearing.ask(event["text"].encode("utf-8", "surrogatepass"))
        return event

    return receiving


def _answering(hearing: Hearing, send: Any) -> Any:
    async def sending(event: Event) -> None:
        if event["type"] == "websocket.send":
            hearing.hear(event["text"].encode())
        await send(event)

    return sending


class _Response:
    """Finds the messages in the two halves of an HTTP exchange as they go by."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._request = b""
        self._media_type = b""
        self._rest = b""

    def asked(self, event: Event) -> None:
        """A part of the request's body arrives."""
        if event["type"] == "http.request":
            self._request += event.get("body", b"")
            if not event.get("more_body"):
                self._hearing.ask(self._request)

    def sent(self, event: Event) -> None:
        """A part of the response leaves."""
        if event["type"] == "http.response.start":
            headers = {name.lower(): value for name, value in event["headers"]}
            self._media_type = headers.get(b"content-type", b"").partition(b";")[0]
            return
        self._rest += event.get("body", b"")
        if self._media_type == b"text/event-stream":
            *events, self._rest = self._rest.split(b"\n\n")
            for frame in events:
                self._event(frame)
        elif self._media_type == b"application/json" and self._rest and not event.get("more_body"):
            self._hearing.hear(self._rest)

    def _event(self, frame: bytes) -> None:
        if frame.startswith(b"event: endpoint\n"):
            self._hearing.connection = frame.partition(b"?")[2].decode()
            return
        data = [line.removeprefix(b"data:").strip() for line in frame.split(b"\n") if line.startswith(b"data:")]
        if b"".join(data):
            self._hearing.hear(b"\n".join(data))
