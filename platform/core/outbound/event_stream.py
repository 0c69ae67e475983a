"""Server-sent events taken apart (HTML section 9.2): bytes in, events out, and no line or event beyond a limit."""

from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAXIMUM_ID_BYTES = 1_024  # it goes back in a header
MAXIMUM_RETRY_DIGITS = 9


class EventTooLarge(Exception):
    """An event is larger than its reader takes."""


class ServerEvent(NamedTuple):
    """One event. `id` is the last that was given so far, `retry` what was last said of pausing, in milliseconds."""

    data: bytes
    name: bytes = b"message"
    id: bytes = b""
    retry: int | None = None


class EventReader:
    """Reads one stream; `limit` is the largest event in bytes. `id` and `retry` also change without an event."""

    __slots__ = ("_after_return", "_data", "_has_begun", "_limit", "_line", "_name", "_size", "id", "retry")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._after_return = self._has_begun = False
        self.id = b""
        self.retry: int | None = None

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that end in `piece`. Raises EventTooLarge."""
        if self._after_return and piece:
            # The other half of a line's end that was cut in two.
            piece = piece.removeprefix(b"\n")
            self._after_return = False
        events = [event for line in piece.splitlines(keepends=True) if (event := self._take(line)) is not None]
        self._after_return = piece.endswith(b"\r")
        return events

    def _take(self, part: bytes) -> ServerEvent | None:
        self._line.append(part)
        self._size += len(part)
        if self._size > self._limit:
            raise EventTooLarge
        if not part.endswith((b"\n", b"\r")):
            return None
        line = b"".join(self._line).rstrip(b"\r\n")
        self._line.clear()
        if not self._has_begun:
            line, self._has_begun = line.removeprefix(_BYTE_ORDER_MARK), True
        if not line:
            return self._dispatch()
        self._read(line)
        return None

    def _read(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            return
        if field == b"event":
            self._name = value
        elif field == b"id" and b"\0" not in value and len(value) <= MAXIMUM_ID_BYTES:
            self.id = value
        elif field == b"retry" and value.isdigit() and len(value) <= MAXIMUM_RETRY_DIGITS:
            self.retry = int(value)
        if not self._data:
            self._size = 0  # comments and fields that are kept in one place are no part of what grows

    def _dispatch(self) -> ServerEvent | None:
        data, name = self._data, self._name or b"message"
        self._data, self._name, self._size = [], b"", 0
        return ServerEvent(b"\n".join(data), name, self.id, self.retry) if data else None
