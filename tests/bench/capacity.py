"""What a server can do, and an offer of a multiple of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import load, wire
from tests.bench.load import LoadFailed
from tests.bench.offering import Second
from tests.bench.processes import ROOT, Server, pinned

CONNECTIONS = 32


def capacity(server: Server, *, seconds: int, core: int, scratch: Path) -> float:
    """Requests a second that it answers when it is never idle. Raises LoadFailed."""
    load.apply(server, seconds=1, core=core, scratch=scratch)
    seen = load.apply(server, seconds=seconds, core=core, scratch=scratch)
    if not seen.requests:
        raise LoadFailed(f"{server.row.name} completed no request")
    return seen.requests / seen.seconds


class Offering:
    """A process that offers requests (tests/bench/offering.py)."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def seconds(self) -> Iterator[Second]:
        """What became of the offer, each second; raises LoadFailed where it ended badly."""
        if self._child.stdout is not None:
            yield from (Second(**json.loads(line)) for line in self._child.stdout)
        if self._child.wait(timeout=30):
            raise LoadFailed("the offering process failed")


@contextmanager
def offered(server: Server, *, rate: float, seconds: int, depth: int, core: int, scratch: Path) -> Iterator[Offering]:
    """The offer, which begins at once. `depth` requests may be unanswered on each connection."""
    file = scratch / f"{server.port}.offer.json"
    messages = [server.target.message(number).decode() for number in range(wire.REQUESTS)]
    file.write_text(json.dumps(messages), encoding="utf-8")
    arguments = [server.port, file, rate, seconds, CONNECTIONS, depth]
    command = [*pinned(core, (sys.executable, "-m", "tests.bench.offering")), *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield Offering(child)
        finally:
            child.terminate()
