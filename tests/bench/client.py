"""A keep-alive load generator: each connection sends the next request when the last one is answered.

python -m tests.bench.client PORT FILE SECONDS CONNECTIONS   →   one line of JSON (tests.bench.load.Load)

FILE holds the requests, whole, as a JSON list of strings.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httptools
import uvloop

from core.embedded.postgres import HOST


@dataclass
class Tally:
    """What all connections saw together."""

    milliseconds: list[float] = field(default_factory=list)
    errors: int = 0
    open: bool = True


class Connection(asyncio.Protocol):
    """One keep-alive connection; httptools calls the `on_…` methods."""

    def __init__(self, messages: Iterator[bytes], tally: Tally) -> None:
        self.messages, self.tally = messages, tally
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if 200 <= self.parser.get_status_code() < 300:
            self.tally.milliseconds.append((time.perf_counter() - self.sent_at) * 1000)
        else:
            self.tally.errors += 1
        if self.tally.open:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.tally.errors += self.tally.open

    def _send(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.sent_at = time.perf_counter()
        self.transport.write(next(self.messages))


async def load(port: int, made: list[bytes], seconds: int, connections: int) -> dict[str, float]:
    """Runs the load; the fields of tests.bench.load.Load."""
    tally, loop = Tally(), asyncio.get_running_loop()
    started, messages = time.perf_counter(), itertools.cycle(made)
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(messages, tally), HOST, port)
    await asyncio.sleep(seconds)
    tally.open = False
    times = sorted(tally.milliseconds) or [0.0]
    return {
        "requests": len(tally.milliseconds),
        "errors": tally.errors,
        "seconds": time.perf_counter() - started,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
    }


if __name__ == "__main__":
    port, file, seconds, connections = sys.argv[1:]
    made = [message.encode() for message in json.loads(Path(file).read_text(encoding="utf-8"))]
    sys.stdout.write(json.dumps(uvloop.run(load(int(port), made, int(seconds), int(connections)))) + "\n")
