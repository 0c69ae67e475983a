"""One HTTP/1.1 connection to an origin (RFC 9112): a request at a time, its whole answer in bounds, or a failure."""

import asyncio
from collections.abc import Callable
from typing import ClassVar, NamedTuple, cast

import httptools

from core.departures import Departures
from core.outbound.decoding import Decoder, Undecodable, decoder
from core.outbound.failures import FetchFailed, ResponseBroken, ResponseTooLarge
from core.outbound.streams import Stream

FIELD_BYTES = 8_190
HEADERS = 100
# What may come before the answer begins (interim answers and one head), and beside its body (framing, trailers).
HEAD_BYTES = 64 * 1024
# Of each byte of an answer, so many may be framing: single bytes sent as chunks cost six.
WIRE_FACTOR = 16
KEEP_ALIVE_SECONDS = 15.0
EVENT_STREAM = b"text/event-stream"
# What one read of a stream may decompress to: more is a bomb.
FLOOD_BYTES = 4 * 1024 * 1024

type Header = tuple[bytes, bytes]


class Unanswered(FetchFailed):
    """The connection closed before the first byte of an answer."""


class Answer(NamedTuple):
    """A complete answer; names of headers are in lower case, the body is decoded.

    `stream` is the body of one that is read while it comes; then `body` is empty.
    """

    status: int
    reason: bytes
    headers: list[Header]
    body: bytes
    stream: Stream | None = None


class Flow(NamedTuple):
    """How an event stream is taken: bytes in all, and seconds between two pieces of it."""

    limit: int
    idle_seconds: float


class Question(NamedTuple):
    """A request as it is sent, and how large a body may answer it, in bytes after decoding.

    With a `flow`, an event stream (HTML section 9.2) with status 200 is handed out when its head is there.
    """

    data: bytes
    limit: int
    is_head: bool = False
    flow: Flow | None = None


class Connection(asyncio.Protocol):
    """`host` is for messages; requests leave by `departures`. Times are seconds of the loop's clock."""

    def __init__(self, host: str, departures: Departures, loop: asyncio.AbstractEventLoop) -> None:
        self.served = 0
        self.born = self.idle_since = loop.time()
        self.keep_seconds = KEEP_ALIVE_SECONDS
        self.closed = loop.create_future()
        self._host = host
        self._departures = departures
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._is_reusable = True
        self._prepare(Question(b"", 0))

    @property
    def is_reusable(self) -> bool:
        """Whether another request can be sent: the last one was answered whole, and neither side closes."""
        is_free = self._waiting is None and self._stream is None
        return self._is_reusable and is_free and self._transport is not None

    def ask(self, question: Question) -> "asyncio.Future[Answer]":
        """Sends a request. The future raises FetchFailed; whoever cancels it calls `close` then."""
        self._prepare(question)
        self._waiting = waiting = self._loop.create_future()
        if self._transport is None:
            self._fail(Unanswered(f"{self._host} closed the connection before it had answered."))
        else:
            self._departures.hold(self._transport, question.data)
        return waiting

    def close(self) -> None:
        """Closes at once; what is under way is given up."""
        self._is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _prepare(self, question: Question) -> None:
        self._limit = question.limit
        self._is_head = question.is_head
        self._flow = question.flow
        self._stream: Stream | None = None
        self._is_event_stream = False
        self._received = self._size = 0
        self._status = 0
        self._reason = b""
        self._headers: list[Header] = []
        self._in_body = self._until_close = False
        self._coding = b""
        self._decoder: Decoder | None = None
        self._pieces: list[bytes] = []

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Reads on; whatever nobody asked for ends the connection."""
        if self._waiting is None and self._stream is None:
            self.close()
            return
        self._received += len(data)
        if self._stream is None and self._received > HEAD_BYTES + (
            self._limit * WIRE_FACTOR if self._in_body else 0
        ) + len(data):
            self._fail(self._broken())
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, FetchFailed) else self._broken())

    def eof_received(self) -> bool:
        """Nothing more will come: closes, which may be how the answer ends."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of an answer that is delimited by it, or of the hope for one."""
        self._transport = None
        self._is_reusable = False
        if not self.closed.done():
            self.closed.set_result(None)
        if self._waiting is None and self._stream is None:
            return
        if self._in_body and self._until_close and exc is None:
            self._finish()
        elif self._received:
            self._fail(ResponseBroken(f"The answer of {self._host} broke off or cannot be decompressed."))
        else:
            self._fail(Unanswered(f"{self._host} closed the connection before it had answered."))

    # What the parser finds

    def on_message_begin(self) -> None:
        """Another message than the one that was asked for is one too many."""
        if self._waiting is None or self._stream is not None:
            self.close()

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, or a part of it."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head or of the trailer, which is not kept."""
        if len(name) + len(value) > FIELD_BYTES or len(self._headers) >= HEADERS:
            raise self._broken()
        if not self._in_body:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is over: it says how the body ends."""
        status = self._parser.get_status_code()
        if status < 200:  # interim (RFC 9110 section 15.2)
            self._reason, self._headers = b"", []
            return
        self._status, self._in_body, self._until_close = status, True, True
        self._is_reusable = bool(self._parser.should_keep_alive())
        for name, value in self._headers:
            note = self._NOTED.get(name)
            if note is not None:
                note(self, value)
        if self._is_head:
            self._is_reusable = False  # the parser would wait for the body that a HEAD does not get
            self._finish()
        elif self._coding:
            self._decoder = self._decoder_of(self._coding)
        if self._flow is not None and self._is_event_stream and status == 200:
            self._hand_out(self._flow)

    def _hand_out(self, flow: Flow) -> None:
        """Answers with what is there, the body as a stream."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done() or self._transport is None:
            return
        self._stream = Stream(self._host, self._transport, flow.limit, flow.idle_seconds)
        waiting.set_result(Answer(self._status, self._reason, self._headers, b"", self._stream))

    def _note_length(self, _value: bytes) -> None:
        self._until_close = False

    def _note_coding(self, value: bytes) -> None:
        self._coding = self._coding + b"," + value if self._coding else value

    def _note_transfer_coding(self, value: bytes) -> None:
        # We offer no other (RFC 9112 section 7.4), and only this one says where the body ends.
        if value.strip().lower() != b"chunked":
            raise self._broken()
        self._until_close = False

    def _note_type(self, value: bytes) -> None:
        self._is_event_stream = value.partition(b";")[0].strip().lower() == EVENT_STREAM

    def _note_keep_alive(self, value: bytes) -> None:
        """`Keep-Alive: timeout=5`, less a second for what is on its way."""
        _, _, seconds = value.partition(b"timeout=")
        digits = seconds.partition(b",")[0].strip()
        if digits.isdigit() and len(digits) < 6:
            self.keep_seconds = min(KEEP_ALIVE_SECONDS, max(0, int(digits) - 1))

    _NOTED: ClassVar[dict[bytes, Callable[["Connection", bytes], None]]] = {
        b"content-length": _note_length,
        b"transfer-encoding": _note_transfer_coding,
        b"content-encoding": _note_coding,
        b"content-type": _note_type,
        b"keep-alive": _note_keep_alive,
    }

    def _decoder_of(self, coding: bytes) -> Decoder | None:
        try:
            return decoder(coding)
        except Undecodable:
            raise ResponseBroken(f"The answer of {self._host} is in a coding that was not asked for.") from None

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._stream is not None:
            piece = self._decoded(data, FLOOD_BYTES)
            if len(piece) > FLOOD_BYTES:
                raise ResponseTooLarge(f"The answer of {self._host} is larger than it looks.")
            self._stream.feed(piece)
            return
        if self._waiting is None:
            return
        data = self._decoded(data, self._limit - self._size)
        self._size += len(data)
        if self._size > self._limit:
            raise ResponseTooLarge(f"The answer of {self._host} is larger than {_in_words(self._limit)}.")
        self._pieces.append(data)

    def _decoded(self, data: bytes, limit: int) -> bytes:
        if self._decoder is None:
            return data
        try:
            return self._decoder.feed(data, limit)
        except Undecodable:
            raise self._undecodable() from None

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        if self._in_body and (self._waiting is not None or self._stream is not None):
            self._finish()

    # How it ends

    def _finish(self) -> None:
        try:
            if self._decoder is not None:
                self._decoder.finish()
        except Undecodable:
            self._fail(self._undecodable())
            return
        waiting, self._waiting = self._waiting, None
        self.served += 1
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._is_reusable = False  # it answered before it had read all
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.finish()
            return
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(self._status, self._reason, self._headers, body))

    def _fail(self, failure: FetchFailed) -> None:
        waiting, self._waiting = self._waiting, None
        stream, self._stream = self._stream, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(failure)
        if stream is not None:
            stream.fail(failure)
        self.close()

    def _broken(self) -> ResponseBroken:
        return ResponseBroken(f"The answer of {self._host} is not valid HTTP, or its headers are too large.")

    def _undecodable(self) -> ResponseBroken:
        return ResponseBroken(f"The answer of {self._host} broke off or cannot be decompressed.")


def _in_words(size: int) -> str:
    return f"{size // 1024} KiB" if size % 1024 == 0 else f"{size} bytes"
