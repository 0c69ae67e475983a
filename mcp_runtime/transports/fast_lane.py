"""The fast lane: an ordinary POST is answered where uvicorn's parser stands, without a turn through ASGI.

uvicorn's own extension point (`Config(http=…)`), a subclass of its httptools protocol. It takes a POST that arrived
whole at once and whose answer needs no waiting, or little (`pending.py`); whatever is anything else (upgrades,
`Expect`, chunked or large or slow bodies, pipelining behind an unfinished answer, queries, other paths, what must
stream or wait for long) goes on to ASGI as if nothing had been tried. Both are shells around one core, so both answer
alike.
"""

from http import HTTPStatus
from typing import Any, Protocol, cast

import httptools
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from core.departures import Departures
from core.refusals import Refusal
from mcp_runtime.protocol.replies import Reply
from mcp_runtime.transports.bounded_http import BoundedHttp, new_parser
from mcp_runtime.transports.direct_streams import DirectStream
from mcp_runtime.transports.heads import KnownHead, RequestHead
from mcp_runtime.transports.outlets import EVENT_STREAM
from mcp_runtime.transports.pending import InLine, Pending
from mcp_runtime.transports.streamable_http import Now

MAXIMUM_BODY_BYTES = 64 * 1024
# Headers that ask for more than an answer, or change what the body is.
_ASIDE = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})
_KEEP_ALIVE = b"keep-alive"
_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

_STREAM_HEAD = b"".join([b"%b: %b\r\n" % header for header in EVENT_STREAM]) + b"transfer-encoding: chunked\r\n"


class Lane(Protocol):
    """Who answers, and where answers wait for the others of this turn of the loop."""

    departures: Departures

    def answer_now(self, head: RequestHead, body: bytes) -> Now:
        """What becomes of a POST (see `StreamableHttp.answer_now`)."""


class _Streaming:
    """Stands where uvicorn keeps the response that is under way: what comes behind a stream queues up after it."""

    response_complete = False


_STREAMING = cast("RequestResponseCycle", _Streaming())
_PENDING = cast("RequestResponseCycle", _Streaming())


class _Ordinary:
    """What a parser says of any message that the lane takes: the real one may be at the next by now."""

    get_method = staticmethod(lambda: b"POST")
    get_http_version = staticmethod(lambda: "1.1")
    should_keep_alive = staticmethod(lambda: True)
    should_upgrade = staticmethod(lambda: False)


_ORDINARY = cast("httptools.HttpRequestParser", _Ordinary())


class FastLane(BoundedHttp):
    """One connection."""

    __slots__ = (
        "_answer_now", "_aside", "_body", "_defaults", "_departures", "_head", "_heard_at", "_in_lane", "_is_fresh",
        "_known", "_pending", "_stream",
    )  # fmt: skip

    def __init__(self, *, lane: Lane, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._answer_now = lane.answer_now
        self._departures = lane.departures
        self._in_lane = False
        self._aside = False
        self._body = b""
        self._heard_at = 0.0
        self._defaults: list[tuple[bytes, bytes]] = []
        self._head = b""
        self._known: KnownHead | None = None
        self._is_fresh = False
        self._stream: DirectStream | None = None
        self._pending: Pending | InLine | None = None

    # What is heard of a message

    def on_message_begin(self) -> None:
        """Keeps the little that the lane needs; what ASGI needs is made when a message leaves the lane."""
        if self._pending is not None:
            self._hand_over()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._aside = False
        self._head_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notes the headers that lead out of the lane."""
        name = name.lower()
        if name in _ASIDE and not (name == b"connection" and value.lower() == _KEEP_ALIVE):
            self._aside = True
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Takes the message into the lane, or hands it to ASGI."""
        self._in_lane = self._is_ordinary()
        if self._in_lane:
            self._note_body()
            self._body = b""
        else:
            self._to_asgi()

    def _is_ordinary(self) -> bool:
        parser = self.parser
        # A head within a chunk of the largest size is itself within it.
        if len(self._chunk) > self._bounds.head_bytes or len(self.headers) > self._bounds.headers:
            return False
        if self._aside or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return False
        idle = not self._is_busy()
        return idle and not self.flow.write_paused and b"?" not in self.url and b"%" not in self.url

    def on_body(self, body: bytes) -> None:
        """Keeps the body; too much of it leaves the lane."""
        if not self._in_lane:
            super().on_body(body)
            return
        self._body = body if not self._body else self._body + body
        if len(self._body) > MAXIMUM_BODY_BYTES:
            self._leave()

    def on_message_complete(self) -> None:
        """Answers a message that is in the lane."""
        if not self._in_lane:
            super().on_message_complete()
            return
        self._in_lane = False
        head = RequestHead(self.url.decode("latin-1"), self.headers, self.client[0] if self.client else "")
        answer = self._answer_now(head, self._body)
        if type(answer) is Reply:
            self._note_end()
            self._write(answer)
            self._learn(head)
        elif isinstance(answer, DirectStream | Pending | InLine):
            self._note_end()
            self._learn(head)
            self._keep(answer)
        else:
            self._leave(cast("ASGI3Application | None", answer))
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """A message that did not arrive whole leaves the lane: ASGI waits for the rest, with its limits."""
        known = self._known
        if known is not None and self._is_between():
            body = known.body_in(data)
            if body is not None:
                self._recognise(known.head, body)
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        if cast("httptools.HttpRequestParser | None", self.parser) is None:
            self.parser = new_parser(self)
        if self._pending is not None:
            self._hand_over()
        self._known, self._is_fresh = None, self._in_head and not self._head_begun
        super().data_received(data)
        if self._in_lane and not self.transport.is_closing():
            self._leave()
        if self.cycle is _STREAMING and self._in_head and not self._head_begun:
            self._lighten()

    # A head that is known, so that the parser need not see it

    def _learn(self, head: RequestHead) -> None:
        """Remembers the head of a message that came alone and whole, until anything else is parsed."""
        if self._is_fresh:
            self._known = KnownHead.of(self._chunk, head)

    def _is_between(self) -> bool:
        """Whether the next byte begins a message that the lane may take."""
        return self._in_head and not self._head_begun and not self._is_busy() and not self.flow.write_paused

    def _recognise(self, head: RequestHead, body: bytes) -> None:
        """As the parser would have had it."""
        self._heard_at = self.loop.time()
        answer = self._answer_now(head, body)
        if type(answer) is Reply:
            self._write(answer)
            return
        self.url, self.headers, self._body = head.path.encode("latin-1"), list(head.raw), body
        self.expect_100_continue = False
        if isinstance(answer, DirectStream | Pending | InLine):
            self._keep(answer)
            if self.cycle is _STREAMING:
                self._lighten()
        else:
            self._complete(cast("ASGI3Application | None", answer))

    # Out of the lane

    def _leave(self, application: ASGI3Application | None = None) -> None:
        self._in_lane = False
        usual = self.app
        self.app = application or usual
        self._to_asgi()
        self.app = usual
        if self._body:
            super().on_body(self._body)

    def _hand_over(self) -> None:
        """What has begun and waits goes on to ASGI, for which nothing has happened yet but that."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.drop()
            self.cycle = cast("RequestResponseCycle", None)
            self._complete(cast("ASGI3Application | None", pending.rest))

    def _complete(self, application: ASGI3Application | None) -> None:
        """Has ASGI take a message that the parser is done with, or never saw."""
        parser, self.parser = self.parser, _ORDINARY
        self._leave(application)
        super().on_message_complete()
        self.parser = parser

    def _to_asgi(self) -> None:
        self._departures.settle(self.transport)
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    # Answers

    def _keep(self, answer: DirectStream | Pending | InLine) -> None:
        """Holds on to what goes on."""
        if isinstance(answer, DirectStream):
            self._hold(answer)
        else:
            self._pending, self.cycle = answer, _PENDING
            answer.wait(self._write_pending, self._hand_over)

    def _write(self, reply: Reply) -> None:
        body = reply.body
        if body:
            head = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        else:
            head = b"content-length: 0\r\n"
        for name, value in reply.headers:
            head += b"%b: %b\r\n" % (name, value)
        if self._is_last:
            head += b"connection: close\r\n"
        answer = b"%b%b%b\r\n%b" % (_STATUS[reply.status], self._standing_head(), head, body)
        self._departures.hold(self.transport, answer)
        self.server_state.total_requests += 1
        if self._is_last:
            self._departures.settle(self.transport)
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self._await_more(self.timeout_keep_alive)

    def _write_pending(self, reply: Reply) -> None:
        self._pending = None
        self.cycle = cast("RequestResponseCycle", None)
        self._heard_at = self.loop.time()
        if not self.transport.is_closing():
            self._write(reply)

    def _standing_head(self) -> bytes:
        """The headers of every response, which uvicorn replaces once a second."""
        defaults = self.server_state.default_headers
        if defaults is not self._defaults:
            self._defaults = defaults
            self._head = b"".join([b"%b: %b\r\n" % header for header in defaults])
        return self._head

    # Streams that this connection is for, as long as they last (`direct_streams.Channel`).

    @property
    def is_choked(self) -> bool:
        """Whether the client takes nothing at the moment."""
        return self.flow.write_paused

    def send(self, frame: bytes) -> None:
        """Writes a part of the stream."""
        self.transport.write(b"%x\r\n%b\r\n" % (len(frame), frame))

    def finish(self, frame: bytes) -> None:
        """Writes the end of the stream, after which the connection serves requests again."""
        self.transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(frame), frame))
        self._stream = None
        if self.cycle is _STREAMING:
            self.cycle = cast("RequestResponseCycle", None)
        if self._is_last:
            self.transport.close()
        self.on_response_complete()

    def _hold(self, stream: DirectStream) -> None:
        self._departures.settle(self.transport)
        self._stop_timer()
        self._stream = stream
        self.cycle = _STREAMING
        head = b"%b%b%b" % (_STATUS[200], self._standing_head(), _STREAM_HEAD)
        self.transport.write(head + (b"connection: close\r\n\r\n" if self._is_last else b"\r\n"))
        stream.begin(self)

    def _lighten(self) -> None:
        """Drops all that only a next request would need: a waiting stream is what most connections are."""
        self.parser = cast("httptools.HttpRequestParser", None)
        self.scope = cast("HTTPScope", None)
        self.headers, self.url, self._body, self._chunk, self._timers = [], b"", b"", b"", {}
        self._known = None

    def resume_writing(self) -> None:
        """Goes on with what waits for the client."""
        super().resume_writing()
        if self._stream is not None:
            self._stream.flow()

    def shutdown(self) -> None:
        """A stream is ended by whoever opened it; the connection ends with it."""
        self._hand_over()
        if self._stream is None:
            super().shutdown()
        self._is_last = True

    def _part(self) -> None:
        self._departures.settle(self.transport)
        super()._part()

    def _refuse(self, refusal: Refusal) -> None:
        self._departures.settle(self.transport)
        if self._stream is None:
            super()._refuse(refusal)
        else:
            self.transport.close()

    # Idle connections: one timer each, which looks when it rings, instead of a new one for every answer.

    def _await_more(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._heard_at = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that was idle for long enough, or waits for the rest of that time."""
        self.timeout_keep_alive_task = None
        left = self._heard_at + self.timeout_keep_alive - self.loop.time()
        busy = self._is_busy()
        if busy or left > 0:
            self._await_more(self.timeout_keep_alive if busy else left)
        else:
            super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """As uvicorn has it, without leaving its timer beside another."""
        self._stop_timer()
        self._heard_at = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends with its connection."""
        if isinstance(self._pending, InLine):
            self._pending.drop()  # nothing has begun that would have to be ended
            self._pending, self.cycle = None, cast("RequestResponseCycle", None)
        self._hand_over()
        self._in_lane = False
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
        if self.cycle is _STREAMING:
            self.cycle = cast("RequestResponseCycle", None)
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        timer, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        if timer is not None:
            timer.cancel()
