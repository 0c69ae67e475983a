"""X1: kills a worker again and again while it is called, and looks from outside how long nobody answers."""

import os
import signal
import time
from pathlib import Path

from core.embedded.postgres import free_port
from tests.bench.cores import Cores
from tests.bench.database import Endpoint
from tests.bench.findings import Finding, Goal
from tests.bench.livez import supervised
from tests.bench.load import LoadFailed
from tests.bench.processes import Server
from tests.bench.wire import WrongAnswer

# A platform has two, of which one is killed at a time.
WORKERS = 2
PART = "workloads"
BACK_SECONDS = 30.0
# Between two kills, so that none of them is taken for a crash loop.
REST_SECONDS = 4.0


def run(kills: int, made: Endpoint, cores: Cores, scratch: Path) -> list[Finding]:
    """How long a tenant waited for its first good answer. Raises LoadFailed where none came."""
    with supervised(made, free_port(), cores, scratch, workers=WORKERS) as server:
        times = []
        for number in range(kills):
            times.append(back(server, number % WORKERS))
            time.sleep(REST_SECONDS)
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    beside = f"worst {ordered[-1]:.2f}, p50 {ordered[len(ordered) // 2]:.2f}; all injections: make chaos"
    one = (
        f"kill -9 of one of {WORKERS} workers under their supervisor, to the first good answer to a call; {kills} times"
    )
    return [Finding(PART, "X1 chaos, p95", p95, "s", one, Goal(1), beside=beside, samples=times)]


def back(server: Server, which: int) -> float:
    """Seconds from a worker's being killed to the first right answer. Raises LoadFailed."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    began = time.monotonic()
    os.kill(int(children[which % len(children)]), signal.SIGKILL)
    while time.monotonic() < began + BACK_SECONDS:
        try:
            server.check()
        except (OSError, WrongAnswer):
            time.sleep(0.01)
        else:
            return time.monotonic() - began
    raise LoadFailed(f"nobody answered for {BACK_SECONDS:g} seconds after a kill")
