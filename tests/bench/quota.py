"""Races for the last connection that a tenant may open: workers that know nothing of each other, one limit."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.dialogue import author
from tests.bench.findings import Finding, Goal
from tests.bench.streams import Open, opened, worker

PART = "quota"
LIMIT = 41
RACERS = 200
# A worker keeps a little of what it borrowed for a while, and another may ask in vain meanwhile.
FILL_SECONDS = 5.0
ONE = "200 streams asked for at once at four workers, with one connection left"


@dataclass(frozen=True)
class Plan:
    """So many workers, and races."""

    workers: int
    races: int


@dataclass(frozen=True)
class Race:
    """How many were open before and after."""

    before: int
    after: int


FULL = Plan(workers=4, races=20)
SHORT = Plan(workers=4, races=2)


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    with endpoint(scratch) as made, author(made, scratch) as person, ExitStack() as stack:
        fleet = [
            stack.enter_context(opened(worker(made), cores, scratch, made, f"racer-{number}"))
            for number in range(plan.workers)
        ]
        person.ask(do="limit", connections=LIMIT)
        races = [race(fleet) for _ in range(plan.races)]
    over = sum(max(0, seen.after - LIMIT) for seen in races)
    least = min(seen.before for seen in races)
    full = sum(seen.after == LIMIT for seen in races)
    beside = f"limit {LIMIT}; at least {least} open before each; the limit was used up whole in {full} races"
    samples = [float(seen.after) for seen in races]
    what = f"over-admitted in {plan.races} races"
    return [Finding(PART, what, over, "connections", ONE, Goal(0), beside=beside, samples=samples)]


def race(fleet: list[Open]) -> Race:
    """One race. Before it as many are open as may be but one, or as many as the workers' leases let be found."""
    before = filled(fleet)
    for one in fleet:
        one.client.say(do="open", port=one.server.port, count=RACERS // len(fleet), parallel=RACERS)
    for one in fleet:
        one.client.answer()
    for one in fleet:
        one.client.say(do="close")
    return Race(before, sum(int(one.client.answer()["closed"]) for one in fleet))


def filled(fleet: list[Open]) -> int:
    """Opens streams at all workers in turns, until but one is left, or none gives one any more."""
    found, limit = 0, time.monotonic() + FILL_SECONDS
    while found < LIMIT - 1 and time.monotonic() < limit:
        for one in fleet:
            if found < LIMIT - 1:
                found += int(one.client.ask(do="open", port=one.server.port, count=1, parallel=1)["opened"])
    return found
