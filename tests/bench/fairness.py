"""Measures what one tenant's calls take, alone and while another floods the same worker."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import load, rows
from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.dialogue import author
from tests.bench.findings import Finding, Goal
from tests.bench.processes import serving
from tests.bench.tenants import everyone
from tests.bench.wire import ECHO, SECONDS, Target, check

PART = "fairness"
FLOODING_CONNECTIONS = 256
# Below what the smallest plan sells.
PAUSE_SECONDS = 0.02
ONE = (
    f"tools/call of echo every {PAUSE_SECONDS * 1000:g} ms, beside {FLOODING_CONNECTIONS} connections of another tenant"
)


@dataclass(frozen=True)
class Plan:
    """Seconds of calling alone, and of calling beside the flood."""

    seconds: int


FULL = Plan(seconds=20)
SHORT = Plan(seconds=3)


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    with endpoint(scratch) as made, author(made, scratch) as person:
        (found,) = everyone(person, 1)
        row = replace(rows.ours(made), connections=FLOODING_CONNECTIONS)
        with (
            serving(row, core=cores.server, logs=scratch) as server,
            serving(rows.FLOOR, core=cores.server, logs=scratch) as empty,
            ThreadPoolExecutor(1) as other,
        ):
            quiet = Target(server.port, found["path"], found["key"], ECHO)
            times(quiet, 1)
            alone, floor_alone = in_turns(quiet, empty.target, plan.seconds)
            flooding = other.submit(load.apply, server, seconds=2 * plan.seconds + 4, core=cores.load, scratch=scratch)
            times(quiet, 1)
            beside, floor_beside = in_turns(quiet, empty.target, plan.seconds)
            flood = flooding.result()
    said = (
        f"p99 alone {at(alone, 99):.2f} ms, p50 {at(alone, 50):.2f}; beside the flood p50 {at(beside, 50):.2f}; "
        f"the flood: {flood.requests / flood.seconds:,.0f}/s, p50 {flood.p50_ms:.0f} ms, {flood.errors:,} refused or "
        "failed; the client of the quiet tenant shares the load's core; an empty process on the worker's, asked in "
        f"turns: p99 alone {at(floor_alone, 99):.2f} ms, beside the flood {at(floor_beside, 99):.2f}"
    )
    return [
        Finding(PART, "a quiet tenant's call beside a flood, p99", at(beside, 99), "ms", ONE, None, said, beside),
        Finding(PART, "the same, in what it takes alone", at(beside, 99) / at(alone, 99), "times", ONE, Goal(2)),
    ]


def in_turns(quiet: Target, empty: Target, seconds: int) -> tuple[list[float], list[float]]:
    """What calls of either took, a second of one and a second of the other."""
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(seconds):
        ours += times(quiet, 1)
        floor += times(empty, 1, answers=0)
    return ours, floor


def times(target: Target, seconds: float, *, answers: int | None = None) -> list[float]:
    """What each call took, in ms, on one connection. Raises WrongAnswer. `answers` is the id of all answers, where they
    have only one.
    """
    found: list[float] = []
    connection = http.client.HTTPConnection(HOST, target.port, timeout=SECONDS)
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        number = len(found)
        began = time.perf_counter()
        connection.request("POST", target.path, target.call.body(number), target.headers(number))
        answer = connection.getresponse()
        content = answer.read()
        found.append((time.perf_counter() - began) * 1000)
        check(answer.status, content, number if answers is None else answers)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return found


def at(found: list[float], percent: float) -> float:
    """The time below which so many percent are."""
    return sorted(found)[min(len(found) - 1, int(len(found) * percent / 100))]
