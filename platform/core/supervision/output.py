"""What children print, line by line, each with its child's name; written without ever holding the supervisor up."""

import asyncio
import os
import queue
import threading
from typing import TextIO

CHUNK_BYTES = 64 * 1024
LINE_BYTES = 8 * 1024  # a longer line is cut into several
QUEUED_LINES = 10_000  # when the terminal or pipe behind us stands still, lines beyond this are dropped and counted


class LineSplitter:
    """Bytes in, whole lines out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= LINE_BYTES:
            whole.append(self._rest)
            self._rest = b""
        return [text for line in whole for text in _cut(line)]

    def finish(self) -> list[str]:
        """What came after the last line end."""
        rest, self._rest = self._rest, b""
        return _cut(rest) if rest else []


def _cut(line: bytes) -> list[str]:
    pieces = [line[start : start + LINE_BYTES] for start in range(0, len(line), LINE_BYTES)] or [b""]
    return [piece.decode("utf-8", errors="replace").rstrip("\r") for piece in pieces]


class Printer:
    """Writes lines to a stream from a thread of its own: a stream that blocks does not block us."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUED_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="printer", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Queues one line, or drops it when the stream is too far behind."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def close(self, seconds: float = 2.0) -> None:
        """Writes what is queued, for at most `seconds`."""
        try:
            self._lines.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            try:
                if dropped:
                    self._stream.write(f"({dropped} lines were dropped: they came faster than they could be printed)\n")
                self._stream.write(text + "\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                return  # nobody reads us any more: the children matter, their words do not


class ChildOutput:
    """The pipe that one child writes to. `write_end` goes to the child and is then closed here."""

    def __init__(self, name: str, printer: Printer) -> None:
        self._name = name
        self._printer = printer
        self._splitter = LineSplitter()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read)

    def started(self) -> None:
        """The child holds the write end now."""
        os.close(self.write_end)

    def close(self) -> None:
        """Reads what is left and closes; what the child's own children still say is lost."""
        if self._read_end >= 0:
            self._read()
        if self._read_end >= 0:
            self._finish()

    def _read(self) -> None:
        try:
            data = os.read(self._read_end, CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._finish()
            return
        self._say(self._splitter.feed(data))

    def _finish(self) -> None:
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1
        self._say(self._splitter.finish())

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            self._printer.line(f"{self._name} | {line}")
