"""A process that holds streams open, and tells when the last of them has heard something.

python -m tests.bench.holding REQUEST   →   a line of JSON for each line of JSON (`{"do": "open" | "hear" | "hold", …}`)

REQUEST is a file with the request that opens a stream, whole. One thread and one epoll: the client must cost less than
the server it waits for. Times are those of the machine's monotonic clock in seconds, so that processes compare.
"""

import errno
import json
import select
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.embedded.postgres import HOST

READ_BYTES = 64 * 1024
OPEN_SECONDS = 300
# What tells that a stream is open: the first message of one (2026-07-28, basic/patterns/subscriptions).
OPENED = b"notifications/subscriptions/acknowledged"
OK = b"HTTP/1.1 200"


class Holder:
    """The streams of this process, by descriptor."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.poll = select.epoll()
        self.streams: dict[int, socket.socket] = {}
        self.refused: list[str] = []

    def open(self, port: int, count: int, parallel: int) -> dict[str, Any]:
        """Opens `count` streams at loopback's `port`, `parallel` at a time; each is open when it has said so."""
        began, opened = time.monotonic(), 0
        pending: dict[int, tuple[socket.socket, bytearray]] = {}
        limit, left = began + OPEN_SECONDS, count
        while (left or pending) and time.monotonic() < limit:
            while left and len(pending) < parallel:
                connection = self._connect(port)
                pending[connection.fileno()] = (connection, bytearray())
                left -= 1
            for descriptor, _ in self.poll.poll(1):
                if descriptor in pending:
                    opened += self._hear_opening(pending, descriptor)
        for connection, _ in pending.values():
            connection.close()
        seconds = time.monotonic() - began
        return {"opened": opened, "failed": count - opened, "seconds": seconds, "refused": self.refused[:3]}

    def close(self) -> dict[str, Any]:
        """Closes all streams: how many there were."""
        closed = len(self.streams)
        while self.streams:
            descriptor, connection = self.streams.popitem()
            self.poll.unregister(descriptor)
            connection.close()
        return {"closed": closed}

    def _connect(self, port: int) -> socket.socket:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, port))
        connection.send(self.request)
        connection.setblocking(False)
        self.poll.register(connection, select.EPOLLIN)
        return connection

    def _hear_opening(self, pending: dict[int, tuple[socket.socket, bytearray]], descriptor: int) -> int:
        connection, heard = pending[descriptor]
        heard += _read(connection)
        if OPENED in heard and heard.startswith(OK):
            del pending[descriptor]
            self.streams[descriptor] = connection
            return 1
        if not heard.startswith(OK[: len(heard) or 1]):
            del pending[descriptor]
            self.refused.append(heard[:300].decode(errors="replace"))
            self.poll.unregister(descriptor)
            connection.close()
        return 0

    def hear(self, mark: str, seconds: float) -> dict[str, Any]:
        """Waits until each stream has heard `mark`: how many did not, and when the first and the last did."""
        moments: list[float] = []
        waiting = set(self.streams)
        looked_for = mark.encode()

        def hears(descriptor: int, data: bytes) -> None:
            if looked_for in data and descriptor in waiting:
                waiting.discard(descriptor)
                moments.append(time.monotonic())

        limit = time.monotonic() + seconds
        while waiting and time.monotonic() < limit:
            self._listen(0.5, hears)
        return {"missed": len(waiting), "moments": [moments[0], moments[-1]] if moments else [0.0]}

    def hold(self, seconds: float) -> dict[str, Any]:
        """Keeps the streams for so long: how many were open at the beginning, how many are at the end."""
        before, limit = len(self.streams), time.monotonic() + seconds
        said: set[int] = set()
        while time.monotonic() < limit:
            self._listen(1.0, lambda descriptor, _data: said.add(descriptor))
        return {"before": before, "open": len(self.streams), "kept_alive": len(said & set(self.streams))}

    def _listen(self, seconds: float, hears: Callable[[int, bytes], None]) -> None:
        for descriptor, _ in self.poll.poll(seconds):
            data = _read(self.streams[descriptor])
            if data:
                hears(descriptor, data)
            else:
                self.poll.unregister(descriptor)
                self.streams.pop(descriptor).close()


def _read(connection: socket.socket) -> bytes:
    """What has come; empty when the other side has ended."""
    try:
        return connection.recv(READ_BYTES)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return b" "
        return b""


def main() -> None:
    """Obeys the lines of the standard input until it ends."""
    holder = Holder(Path(sys.argv[1]).read_bytes())
    for line in sys.stdin:
        wish = json.loads(line)
        if wish["do"] == "hear":
            _say({"ready": True})
        _say(getattr(holder, wish.pop("do"))(**wish))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
