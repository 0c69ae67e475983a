"""Measures tenants that a worker holds and nobody calls, and the first call to one that it does not hold yet."""

import http.client
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import rows
from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.dialogue import Dialogue, author
from tests.bench.findings import Finding, Goal
from tests.bench.processes import serving
from tests.bench.wire import ECHO, SECONDS, Target, check

PART = "tenants"
TOOLS = 10
CHUNK = 50
# Zipf's law: the tenant of rank r is called in proportion to 1/r. The same calls in every run.
SEED = 1
# So many tenants are loaded before memory is looked at: what the first cost once is not what each costs.
WARM = 20
ONE_TENANT = f"a tenant with an endpoint of {TOOLS} tools and a key, called at least once; growth of the worker's RSS"


@dataclass(frozen=True)
class Plan:
    """So many tenants, and calls to them."""

    tenants: int
    calls: int


FULL = Plan(tenants=1_000, calls=20_000)
SHORT = Plan(tenants=60, calls=500)


@dataclass
class Times:
    """What calls took, in ms: those that found their endpoint loaded, and those that did not."""

    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    with endpoint(scratch) as made, author(made, scratch) as person:
        opened = everyone(person, plan.tenants)
        with serving(rows.ours(made), core=cores.server, logs=scratch) as server:
            targets = [Target(server.port, found["path"], found["key"], ECHO) for found in opened]
            times, seen = Times(), set[int]()
            caller = Caller(server.port)
            for number in range(WARM):
                caller.call(targets[number], number, times, seen)
            before = server.resident_megabytes()
            for number in ranks(plan):
                caller.call(targets[number], number, times, seen)
            for number in range(plan.tenants):
                caller.call(targets[number], number, times, seen)
            each = (server.resident_megabytes() - before) * 1e6 / 1024 / (plan.tenants - WARM)
    cold, warm = sorted(times.cold), sorted(times.warm)
    p99 = cold[len(cold) * 99 // 100]
    beside = f"p50 {cold[len(cold) // 2]:.1f}, worst {cold[-1]:.1f}; a warm call p50 {warm[len(warm) // 2]:.2f}"
    one = f"the first tools/call to each of {plan.tenants:,} tenants, {plan.calls:,} calls by Zipf's law"
    return [
        Finding(PART, "memory of an idle tenant", each, "KiB", ONE_TENANT, Goal(50)),
        Finding(PART, "cold call, p99", p99, "ms", one, Goal(50), beside=beside, samples=cold),
    ]


def everyone(person: Dialogue, count: int) -> list[dict[str, str]]:
    """Makes the tenants: path and key of each."""
    made: list[dict[str, str]] = []
    for first in range(0, count, CHUNK):
        made += person.ask(do="tenants", first=first, count=min(CHUNK, count - first), tools=TOOLS)["made"]
    return made


def ranks(plan: Plan) -> list[int]:
    """Which tenant each call is for."""
    weights = [1 / (rank + 1) for rank in range(plan.tenants)]
    return random.Random(SEED).choices(range(plan.tenants), weights, k=plan.calls)  # noqa: S311  # no secret


class Caller:
    """One connection, one call after another."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS)

    def call(self, target: Target, number: int, times: Times, seen: set[int]) -> None:
        """Calls a tenant's echo. Raises WrongAnswer."""
        began = time.perf_counter()
        self._connection.request("POST", target.path, target.call.body(number), target.headers(number))
        answer = self._connection.getresponse()
        content = answer.read()
        (times.warm if number in seen else times.cold).append((time.perf_counter() - began) * 1000)
        seen.add(number)
        check(answer.status, content, number)
