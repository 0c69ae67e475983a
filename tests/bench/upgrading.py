"""Upgrades: how long after Stripe's webhook the workers of a running platform admit by the new plan's limit."""

import statistics
from dataclasses import dataclass

from tests.bench.cores import Cores
from tests.bench.findings import Finding, Goal
from tests.config.admission import FEW, IN_A_ROW, upgrades
from tests.config.paying_platform import Paying
from tests.processes import eventually
from tests.running_platform import Platform

PART = "upgrade"
ONE = (
    f"a signed `customer.subscription.created` posted to the console of `armstrong up`, to the first of {IN_A_ROW} "
    f"requests in a row that its two workers admit beside {FEW} held streams, which filled the former limit"
)


@dataclass(frozen=True)
class Plan:
    """So many upgrades."""

    rounds: int


FULL, SHORT = Plan(25), Plan(3)


def run(plan: Plan, _cores: Cores) -> list[Finding]:
    """The figures."""
    platform = Platform()
    try:
        platform.start()
        platform.await_health()
        times = upgrades(Paying(platform), plan.rounds, eventually)
    finally:
        platform.close()
    worst, middle = max(times), statistics.median(times)
    return [
        Finding(PART, "upgrade live in the runtime, worst", worst, "s", ONE, Goal(1), f"{plan.rounds} upgrades", times),
        Finding(PART, "upgrade live in the runtime, median", middle, "s", ONE, Goal(1), f"{plan.rounds} upgrades"),
    ]
