"""Offers requests at a fixed rate, whatever the server makes of it, and says each second what became of them.

python -m tests.bench.offering PORT FILE RATE SECONDS CONNECTIONS DEPTH   →   a line of JSON a second (`Second`)

FILE holds the requests, whole, as a JSON list of strings. A connection has at most DEPTH requests unanswered; what
finds no connection, or no room in a socket, is held back and counted: a slow server changes nothing of the offer.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

from core.embedded.postgres import HOST

TICK_SECONDS = 0.002
READ_BYTES = 256 * 1024
ANSWER, GOOD = b"HTTP/1.1 ", b"HTTP/1.1 2"


@dataclass
class Second:
    """What happened in one second. `held_back` were due and not sent; times are in ms, from sending to the answer."""

    sent: int = 0
    held_back: int = 0
    answered: int = 0
    errors: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


class Line:
    """One connection, and when each request was sent that is not answered yet."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=5)
        self.socket.setblocking(False)
        self.waiting: deque[float] = deque()
        self.rest = b""  # of what a socket took only in part

    def send(self, requests: list[bytes]) -> bool:
        """Whether the socket took anything of them."""
        whole = self.rest + b"".join(requests)
        try:
            taken = self.socket.send(whole)
        except BlockingIOError:
            return False
        self.rest = whole[taken:]
        now = time.perf_counter()
        self.waiting.extend([now] * len(requests))
        return True


class Offer:
    """The load of this process."""

    def __init__(self, port: int, requests: list[bytes], connections: int, depth: int) -> None:
        self.port, self.requests, self.depth = port, requests, depth
        self.poll = select.epoll()
        self.lines: dict[int, Line] = {}
        self.turn: deque[int] = deque()
        self.next = 0
        self.second = Second()
        self.times: list[float] = []
        for _ in range(connections):
            self._connect()

    def _connect(self) -> None:
        line = Line(self.port)
        self.lines[line.socket.fileno()] = line
        self.turn.append(line.socket.fileno())
        self.poll.register(line.socket, select.EPOLLIN)

    def run(self, rate: float, seconds: int) -> None:
        """Prints a line for each second."""
        began = time.perf_counter()
        due = 0
        for number in range(seconds):
            while (now := time.perf_counter() - began) < number + 1:
                owed = int(now * rate) - due
                due += owed
                self._send(owed)
                self._hear(max(0.0, TICK_SECONDS - (time.perf_counter() - began - now)))
            self._tell()

    def _send(self, owed: int) -> None:
        for _ in range(len(self.turn)):
            if not owed:
                return
            self.turn.rotate(-1)
            line = self.lines[self.turn[0]]
            count = min(owed, self.depth - len(line.waiting), 1 + owed // len(self.turn))
            if count > 0 and line.send([self._request() for _ in range(count)]):
                owed -= count
                self.second.sent += count
        self.second.held_back += owed

    def _request(self) -> bytes:
        self.next = (self.next + 1) % len(self.requests)
        return self.requests[self.next]

    def _hear(self, seconds: float) -> None:
        for descriptor, _ in self.poll.poll(seconds):
            line = self.lines[descriptor]
            try:
                data = line.socket.recv(READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self._lost(descriptor, line)
                continue
            if line.rest:
                line.send([])
            self._count(line, data)

    def _count(self, line: Line, data: bytes) -> None:
        now, answers = time.perf_counter(), data.count(ANSWER)
        self.second.answered += answers
        self.second.errors += answers - data.count(GOOD)
        for _ in range(min(answers, len(line.waiting))):
            self.times.append((now - line.waiting.popleft()) * 1000)

    def _lost(self, descriptor: int, line: Line) -> None:
        self.second.errors += max(1, len(line.waiting))
        self.poll.unregister(descriptor)
        self.turn.remove(descriptor)
        self.lines.pop(descriptor).socket.close()
        self._connect()

    def _tell(self) -> None:
        times = sorted(self.times) or [0.0]
        self.second.p50_ms, self.second.p99_ms = times[len(times) // 2], times[len(times) * 99 // 100]
        sys.stdout.write(json.dumps(asdict(self.second)) + "\n")
        sys.stdout.flush()
        self.second, self.times = Second(), []


def main() -> None:
    """Obeys the arguments."""
    port, file, rate, seconds, connections, depth = sys.argv[1:]
    requests = [request.encode() for request in json.loads(Path(file).read_text(encoding="utf-8"))]
    Offer(int(port), requests, int(connections), int(depth)).run(float(rate), int(seconds))


if __name__ == "__main__":
    main()
