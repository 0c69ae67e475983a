"""Runs a worker at 70 % of what it can do, for long, and asks whether memory or latency grow."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

from tests.bench import rows
from tests.bench.capacity import capacity, offered
from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.findings import Finding, shown
from tests.bench.processes import serving

PART = "soak"
SHARE = 0.7
DEPTH = 4
# What is allocated once, and the journal's first segments, are over by then.
SETTLING = 0.1
# Seconds resemble their neighbours, so whole blocks of them are drawn again.
BLOCK, DRAWS, SEED = 20, 1_000, 7


@dataclass(frozen=True)
class Slope:
    """A slope per hour with the interval that holds it with 95 %."""

    value: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """What it says."""
        interval = f"95 % interval {shown(self.low)} to {shown(self.high)}"
        return f"not distinguishable from 0 ({interval})" if self.low <= 0 <= self.high else f"not 0 ({interval})"


def slope(values: Sequence[float]) -> Slope:
    """The least-squares slope of one value a second, per hour; the interval by a moving-block bootstrap."""
    fitted = linear_regression(range(len(values)), values)
    rest = [value - fitted.intercept - fitted.slope * second for second, value in enumerate(values)]
    chance = random.Random(SEED)  # noqa: S311  # no secret
    size = max(1, min(BLOCK, len(values) // 4))
    drawn = sorted(_drawn(rest, size, chance) for _ in range(DRAWS))
    low, high = drawn[DRAWS * 25 // 1000], drawn[DRAWS * 975 // 1000]
    return Slope(fitted.slope * 3600, (fitted.slope + low) * 3600, (fitted.slope + high) * 3600)


def _drawn(rest: Sequence[float], size: int, chance: random.Random) -> float:
    """The slope of what is left when the line is taken away, in a sample of its blocks."""
    sample: list[float] = []
    while len(sample) < len(rest):
        start = chance.randrange(len(rest) - size + 1)
        sample += rest[start : start + size]
    return linear_regression(range(len(rest)), sample[: len(rest)]).slope


def run(minutes: float, cores: Cores, scratch: Path, told: Callable[[str], None] = print) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    p99, memory, answered, errors, held_back = [], [], 0, 0, 0
    with endpoint(scratch) as made, serving(rows.ours(made), core=cores.server, logs=scratch) as server:
        able = capacity(server, seconds=4, core=cores.load, scratch=scratch)
        seconds = max(10, int(minutes * 60))
        with offered(
            server, rate=SHARE * able, seconds=seconds, depth=DEPTH, core=cores.load, scratch=scratch
        ) as offering:
            for number, second in enumerate(offering.seconds()):
                p99.append(second.p99_ms)
                memory.append(server.resident_megabytes())
                answered, errors = answered + second.answered, errors + second.errors
                held_back += second.held_back
                if number % 60 == 0:
                    told(f"{number:5} s  p99 {second.p99_ms:6.2f} ms  RSS {memory[-1]:6.1f} MB")
    settled = int(len(p99) * SETTLING)
    grown, slowed = slope(memory[settled:]), slope(p99[settled:])
    offer = f"{SHARE:.0%} of {able:,.0f} tools/call a second for {seconds / 60:g} minutes; {answered:,} answered"
    lost = f"{held_back:,} were held back because a connection had {DEPTH} unanswered"
    return [
        Finding(PART, "slope of RSS", grown.value, "MB/h", offer, beside=grown.sentence, samples=memory),
        Finding(PART, "slope of p99", slowed.value, "ms/h", offer, beside=slowed.sentence, samples=p99),
        Finding(PART, "failed", errors, "calls", offer, beside=lost),
        Finding(PART, "sustained", answered / seconds, "calls/s", "one tools/call of echo, answered in process"),
    ]
