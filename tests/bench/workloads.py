"""The eleven workloads that platforms of this kind are compared by, each with what one operation of it is.

Some public figures for these names were measured on a process's own dictionary; beside stands what was published, and
only where one operation is the same thing is it a goal.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.bench import in_process, recovery, stores
from tests.bench.broker import broker
from tests.bench.calls import RESULTS
from tests.bench.capacity import offered
from tests.bench.cores import Cores
from tests.bench.database import Endpoint, endpoint
from tests.bench.findings import Finding
from tests.bench.load import LoadFailed, apply
from tests.bench.processes import Row, Server, serving
from tests.bench.rows import ours
from tests.bench.soak import slope
from tests.bench.wire import Call

PART = "workloads"
# The body of a call is 4,096 bytes with it, as is that of the published network figure.
TEXT_BYTES = 3_863
ECHO_4K = (
    "tools/call of echo with 4,096 bytes of JSON over a socket, answered whole; the echo is compared before the load"
)


@dataclass(frozen=True)
class Plan:
    """Operations of each loop, seconds of each load, seconds of the sustained one, processes killed."""

    operations: int
    seconds: int
    sustained: int
    kills: int


FULL = Plan(operations=200_000, seconds=3, sustained=30, kills=20)
SHORT = Plan(operations=2_000, seconds=1, sustained=3, kills=2)


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    found = in_process.run(plan.operations)
    with broker(scratch) as url, endpoint(scratch) as made:
        found += stores.run(plan.operations // 20, made, url, scratch)
        found += network(plan, made, cores, scratch)
        found += recovery.run(plan.kills, made, cores, scratch)
    return sorted([*found, *elsewhere()], key=lambda finding: finding.what)


def network(plan: Plan, made: Endpoint, cores: Cores, scratch: Path) -> list[Finding]:
    """N1 at three numbers of connections, and L1."""
    found = []
    for connections in (1, 100, 1_000):
        with serving(_row(made, connections), core=cores.server, logs=scratch) as server:
            apply(server, seconds=1, core=cores.load, scratch=scratch)
            before = server.cpu_seconds()
            seen = apply(server, seconds=plan.seconds, core=cores.load, scratch=scratch)
            if seen.errors or not seen.requests:
                raise LoadFailed(f"{seen.errors} of {seen.requests} calls of 4,096 bytes failed")
            spent = (server.cpu_seconds() - before) / seen.requests * 1e6
            beside = f"p50 {seen.p50_ms:.2f} ms, p99 {seen.p99_ms:.1f} ms, {spent:.0f} µs of CPU; published: 43,000"
            name = f"N1 network, {connections:,} connections"
            found.append(Finding(PART, name, seen.requests / seen.seconds, "calls/s", ECHO_4K, beside=beside))
            if connections > 1 and len(found) == 2:
                found += sustained(plan, server, cores, scratch, seen.requests / seen.seconds)
    return found


def sustained(plan: Plan, server: Server, cores: Cores, scratch: Path, able: float) -> list[Finding]:
    """L1: half of what it can do, a sample a second."""
    with offered(server, rate=able / 2, seconds=plan.sustained, depth=4, core=cores.load, scratch=scratch) as offering:
        passed = list(offering.seconds())
    rates = [float(second.answered) for second in passed]
    beside = f"count over wall time; throughput's slope {slope(rates).sentence}; published: 372,000, of another thing"
    one = f"{ECHO_4K}, for {plan.sustained} s at half of capacity (30 minutes: the soak)"
    return [Finding(PART, "L1 sustained", sum(rates) / len(rates), "calls/s", one, beside=beside, samples=rates)]


def elsewhere() -> list[Finding]:
    """Those of the eleven that are parts of their own, as they were measured last."""
    found = []
    for part, name in (("livez", "H1 health"), ("streams", "C1 connections")):
        file = RESULTS / f"{part}.json"
        last = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"findings": [], "about": {}}
        for entry in last["findings"]:
            what, beside = f"{name}: {entry['what']}", f"the part {part} of {last['about']['when']}; {entry['beside']}"
            found.append(Finding(PART, what, entry["value"], entry["unit"], entry["one"], beside=beside))
    return found


def _row(made: Endpoint, connections: int) -> Row:
    row = ours(made)
    call = Call(text="x" * TEXT_BYTES)
    return Row(row.name, row.command, row.path, row.key, row.environment, call, connections=connections)
