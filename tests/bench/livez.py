"""Measures the health check while a worker is offered what it can do, and many times that."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from core.embedded.postgres import HOST, free_port
from tests.bench import rows
from tests.bench.capacity import capacity, offered
from tests.bench.cores import Cores
from tests.bench.database import Endpoint, endpoint
from tests.bench.findings import Finding, Goal
from tests.bench.processes import Program, Row, Server, pinned, running, serving

PART = "livez"
TIMES = (1, 5, 20)
# Requests that may be unanswered on a connection: what is pipelined is answered where the parser stands.
DEPTH = 32
PAUSE_SECONDS = 0.01
DROPPED_SECONDS = 1.0
ONE = "GET /livez on a connection of its own, while tools/call is offered"


@dataclass(frozen=True)
class Plan:
    """Seconds of each offer, and of finding out what the worker can do."""

    seconds: int
    capacity_seconds: int


FULL = Plan(seconds=20, capacity_seconds=4)
SHORT = Plan(seconds=3, capacity_seconds=1)


@dataclass(frozen=True)
class Seen:
    """Answers of one listener: times in ms, and how many probes got none."""

    times: list[float]
    dropped: int

    def percentile(self, percent: float) -> float:
        """The time below which so many percent are."""
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * percent / 100))]


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    operations, idle = free_port(), free_port()
    alone = (sys.executable, "-m", "tests.bench.servers.idle", str(idle))
    floor = Program("an empty process", pinned(cores.server, alone))
    with (
        endpoint(scratch) as made,
        supervised(made, operations, cores, scratch) as server,
        running(floor, idle, scratch),
    ):
        able = capacity(server, seconds=plan.capacity_seconds, core=cores.load, scratch=scratch)
        trial = Trial(server, able, (operations, idle), plan.seconds, cores.load, scratch)
        return [found for times in TIMES for found in trial.under(times)]


@contextmanager
def supervised(made: Endpoint, operations: int, cores: Cores, scratch: Path, *, workers: int = 1) -> Iterator[Server]:
    """Workers under the supervisor, all on the servers' core; the operations listener is the supervisor's."""
    command = (sys.executable, "-m", "tests.bench.servers.supervised", str(workers), "{port}", str(operations))
    ours = rows.ours(made)
    row = Row("ours, supervised", command, made.path, made.key, ours.environment, start_seconds=60)
    with serving(row, core=cores.server, logs=scratch) as server:
        yield server


@dataclass(frozen=True)
class Trial:
    """A worker, how many requests a second it is able to answer, and the ports of our listener and of the floor's."""

    server: Server
    able: float
    ports: tuple[int, int]
    seconds: int
    core: int
    scratch: Path

    def under(self, times: int) -> Iterator[Finding]:
        """The health check while `times` of what the worker is able to do is offered."""
        rate = times * self.able
        with offered(
            self.server, rate=rate, seconds=self.seconds, depth=DEPTH, core=self.core, scratch=self.scratch
        ) as offering:
            ours, floor = probed(self.ports, self.seconds)
            passed = list(offering.seconds())
        sent, answered = sum(second.sent for second in passed), sum(second.answered for second in passed)
        beside = (
            f"empty process {floor.percentile(99):.2f} ms in the same seconds; p50 {ours.percentile(50):.2f}, "
            f"p99.9 {ours.percentile(99.9):.2f}; capacity {self.able:,.0f}/s, sent {sent / self.seconds:,.0f}/s, "
            f"answered {answered / self.seconds:,.0f}/s"
        )
        name = f"/livez at {times} times the capacity offered"
        p99, of = ours.percentile(99), f"of {len(ours.times) + ours.dropped:,}"
        yield Finding(PART, f"{name}, p99", p99, "ms", ONE, Goal(1), beside=beside, samples=ours.times)
        yield Finding(PART, f"{name}, dropped", ours.dropped, "probes", ONE, Goal(0), beside=of)


def probed(ports: tuple[int, int], seconds: float) -> tuple[Seen, Seen]:
    """Asks both in turns for so long: ours and the floor."""
    seen = (Seen([], 0), Seen([], 0))
    dropped = [0, 0]
    limit = time.monotonic() + seconds - 0.5
    while time.monotonic() < limit:
        for which, port in enumerate(ports):
            taken = probe(port)
            if taken is None:
                dropped[which] += 1
            else:
                seen[which].times.append(taken)
            time.sleep(PAUSE_SECONDS)
    return Seen(seen[0].times or [0.0], dropped[0]), Seen(seen[1].times or [0.0], dropped[1])


def probe(port: int) -> float | None:
    """How many ms an answer took; None for none within DROPPED_SECONDS, or a wrong one."""
    began = time.perf_counter()
    connection = HTTPConnection(HOST, port, timeout=DROPPED_SECONDS)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return (time.perf_counter() - began) * 1000 if answer.status == 200 else None
