"""uvicorn's HTTP/1.1 with bounds on what a client may make it hold, and refusals that MCP clients can read.

uvicorn bounds neither the head of a request nor the time it takes, keeps a connection whose client stopped reading, and
does not tell a request behind which another was pipelined that their client has left.
"""

import asyncio
import logging
import resource
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from core import environment, refusals
from core.refusals import Refusal, Refused
from mcp_runtime.protocol.replies import Reply, refusal_reply
from mcp_runtime.transports.asgi import send_reply

RESERVED_DESCRIPTORS = 128  # for databases, upstreams and files
CLOSE = (b"connection", b"close")

# What clients do wrong is theirs to read, not ours to fill a log with.
_logger = logging.getLogger(__name__)
_logger.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes are in bytes, times in seconds."""

    connections: int = 65_536
    head_bytes: int = 64 * 1024
    headers: int = 200
    head_seconds: float = 30.0
    send_seconds: float = 30.0  # without taking a single byte
    # A refused client may send the rest of its body for so long, so that it gets to read the refusal.
    linger_seconds: float = 5.0
    pipelined: int = 64
    # A server that ends leaves idle connections open for so long: whoever asks meanwhile is answered, and told to
    # connect anew. Closing them at once would lose the requests that are on their way.
    farewell_seconds: float = 1.0

    @classmethod
    def from_environment(cls) -> "Bounds":
        """RUNTIME_MAX_HEAD_SECONDS and RUNTIME_MAX_SEND_SECONDS; as many connections as descriptors allow."""
        default = cls()
        return cls(
            connections=_raise_descriptors() - RESERVED_DESCRIPTORS,
            head_seconds=environment.integer("RUNTIME_MAX_HEAD_SECONDS", int(default.head_seconds)),
            send_seconds=environment.integer("RUNTIME_MAX_SEND_SECONDS", int(default.send_seconds)),
        )


def _raise_descriptors() -> int:
    """How many files this process may have open, after asking for as many as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Flow(FlowControl):
    """uvicorn's, which makes what waits for a slow client when there is one: it costs as much as all the rest."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = self.write_paused = False
        self._is_writable_event = cast("asyncio.Event", None)

    async def drain(self) -> None:
        """Waits until the client takes something."""
        if self.write_paused:
            self._is_writable_event = cast("asyncio.Event | None", self._is_writable_event) or asyncio.Event()
            await self._is_writable_event.wait()

    def pause_writing(self) -> None:
        """The client takes nothing at the moment."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """The client takes something again."""
        self.write_paused = False
        event, self._is_writable_event = self._is_writable_event, cast("asyncio.Event", None)
        if cast("asyncio.Event | None", event) is not None:
            event.set()


class _Pipeline[Entry](list[Entry]):
    """A queue that is nearly always empty: an empty deque holds room for 64."""

    __slots__ = ()

    def appendleft(self, entry: Entry) -> None:
        """As a deque has it."""
        self.insert(0, entry)


def new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """A parser as uvicorn has it."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


class BoundedHttp(HttpToolsProtocol):
    """One connection.

    uvicorn's attributes just fit into what instances of a class share; more would give each a table of its own.
    """

    __slots__ = (
        "_bounds", "_chunk", "_discarded", "_head_begun", "_head_bytes", "_heads", "_in_body", "_in_head", "_is_last",
        "_plain_head", "_running", "_timers", "_unsent",
    )  # fmt: skip

    def __init__(self, *, bounds: Bounds, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.logger = _logger
        self._bounds = bounds
        self._chunk = b""
        self._plain_head = b""
        self._in_head = True
        self._head_begun = False
        self._heads = 0
        self._head_bytes = 0  # of the chunks that arrived while a head was incomplete
        self._in_body = False
        self._discarded = 0
        self._running: RequestResponseCycle | None = None
        self._unsent = 0
        self._is_last = False
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self.pipeline = cast("deque[tuple[RequestResponseCycle, ASGI3Application]]", _Pipeline())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it to what it always is
        self.flow = Flow(self.transport)
        if len(self.connections) > self._bounds.connections:
            self._refuse(refusals.OVERLOADED)
        else:
            self._arm(self._head_overdue, self._bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in list(self._timers):
            self._disarm(timer)
        # uvicorn tells the request that came last; the one that runs may be an earlier one.
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def shutdown(self) -> None:
        """Lets the client ask once more, or for as long as the farewell takes; what runs is answered anyway."""
        self._is_last = True
        if self._running is not None and not self._running.response_complete:
            super().shutdown()
        else:
            self._arm(self._part, self._bounds.farewell_seconds)

    def _part(self) -> None:
        if self._running is None or self._running.response_complete:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        was_in_head, heads = self._in_head, self._heads
        self._chunk = data
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        # What of a chunk belongs to the head that it begins is not known, so the first chunk of each is not counted.
        self._head_bytes += len(data) if was_in_head and heads == self._heads else 0
        if self._head_bytes > self._bounds.head_bytes:
            self._refuse(refusals.HEADERS_TOO_LARGE)
        elif self._is_awaited() and self._head_overdue not in self._timers:
            self._arm(self._head_overdue, self._bounds.head_seconds)

    def _unsupported_upgrade_warning(self) -> None:
        """Called where the parser stopped: it takes what follows for another protocol, which we do not speak.

        RFC 9110 section 7.8: such an upgrade is passed over. Java's client asks for h2c with every first request.
        """
        stopped = sys.exception()
        read = stopped.args[0] if isinstance(stopped, httptools.HttpParserUpgrade) else len(self._chunk)
        rest = self._plain_head + self._chunk[read:]
        self._plain_head = b""
        self.parser = new_parser(self)
        self.data_received(rest)

    def handle_websocket_upgrade(self) -> None:
        """Hands the connection over: from here on nothing that it awaits is ours to await."""
        super().handle_websocket_upgrade()
        self._in_head = False
        for timer in list(self._timers):
            self._disarm(timer)

    def on_message_begin(self) -> None:
        self._head_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self._get_upgrade() is not None and not self._should_upgrade():
            self._plain_head = self._without_upgrade()
            return
        self._note_body()
        application, refusal = self.app, self._fault_of_head()
        if refusal is not None:
            self.app = _refusing(refusal)
        super().on_headers_complete()
        self.app = application
        if self._is_last:
            self.cycle.keep_alive = False
        if len(self.pipeline) > self._bounds.pipelined:
            self.transport.abort()
        elif self.pipeline:
            # uvicorn stops reading here, and then would not hear that the client has left.
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        if self.pipeline and len(self.cycle.body) + len(body) > HIGH_WATER_LIMIT:
            self.transport.abort()
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > self._bounds.head_bytes:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._plain_head:
            return
        super().on_message_complete()
        self._note_end()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_sending()
        elif self._in_body and self.cycle.response_complete:
            self._arm(self._body_overdue, self._bounds.linger_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_sending()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._disarm(self._check_sending)

    def send_400_response(self, msg: str) -> None:
        self._refuse(refusals.MALFORMED_REQUEST)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _without_upgrade(self) -> bytes:
        """The head that the parser has read, as if it had asked for no upgrade."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in (b"upgrade", b"connection")]
        return b"\r\n".join([*lines, b"", b""])

    def _fault_of_head(self) -> Refusal | None:
        """What is wrong with a head that the parser took."""
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value)
            # RFC 9112 section 6.1: of the codings only chunked says where a body ends, and we know no other.
            if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                return refusals.MALFORMED_REQUEST
        if len(self.headers) > self._bounds.headers or size > self._bounds.head_bytes:
            return refusals.HEADERS_TOO_LARGE
        return None if self.parser.get_http_version() in ("1.1", "1.0") else refusals.MALFORMED_REQUEST

    def _note_body(self) -> None:
        """A head is over, and its body begins."""
        self._in_head, self._in_body, self._head_bytes, self._discarded = False, True, 0, 0
        self._heads += 1
        self._head_begun = False
        self._disarm(self._head_overdue)

    def _note_end(self) -> None:
        """A message is over."""
        self._in_head, self._in_body = True, False
        self._disarm(self._body_overdue)

    def _is_busy(self) -> bool:
        """Whether a response is under way; uvicorn's types leave out that there may be no cycle yet."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _is_awaited(self) -> bool:
        """Whether the rest of a head is awaited: it has begun, or something came that begins none."""
        return self._head_begun or (self.timeout_keep_alive_task is None and not self._is_busy())

    def _head_overdue(self) -> None:
        if self._is_busy():
            # Perhaps it is we who are not reading.
            self._arm(self._head_overdue, self._bounds.head_seconds)
        else:
            self._refuse(refusals.HEADERS_TOO_SLOW)

    def _body_overdue(self) -> None:
        self.transport.close()

    def _watch_sending(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._arm(self._check_sending, self._bounds.send_seconds)

    def _check_sending(self) -> None:
        """Drops a client that took nothing since it was looked at last."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent:
            self.transport.abort()
        elif unsent:
            self._watch_sending()

    def _refuse(self, refusal: Refusal) -> None:
        """Answers in the application's place and closes; says nothing where another response is under way."""
        running = self._running
        if running is None or running.response_complete or not (running.response_started or self.pipeline):
            self.transport.write(_encoded(refusal_reply(Refused(refusal))))
        if running is not None:
            running.disconnected = True
        self.transport.close()

    def _arm(self, timer: Callable[[], None], seconds: float) -> None:
        self._disarm(timer)
        self._timers[timer] = self.loop.call_later(seconds, self._fire, timer)

    def _disarm(self, timer: Callable[[], None]) -> None:
        if self._timers and (handle := self._timers.pop(timer, None)) is not None:
            handle.cancel()

    def _fire(self, timer: Callable[[], None]) -> None:
        del self._timers[timer]
        timer()


def _refusing(refusal: Refusal) -> ASGI3Application:
    """An application that refuses whatever is asked."""

    async def refuse(_scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await send_reply(send, refusal_reply(Refused(refusal), headers=(CLOSE,)))  # type: ignore[arg-type]

    return refuse


def _encoded(reply: Reply) -> bytes:
    """A response as bytes, after which the connection is closed."""
    status = HTTPStatus(reply.status)
    headers = [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply.body)), CLOSE, *reply.headers,
    ]  # fmt: skip
    lines = [f"HTTP/1.1 {status} {status.phrase}".encode(), *(b"%b: %b" % header for header in headers), b"", b""]
    return b"\r\n".join(lines) + reply.body
