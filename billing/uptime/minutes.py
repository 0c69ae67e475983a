"""The minutes of a day as bits: evidence is put down again and again, in any order, and comes to the same.

A minute counts as up only where something shows that it was: a probe that was answered, or a call that went well. So
nobody gains by not looking: what nobody looked at counts as down.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_

MINUTES = 1_440
BYTES = MINUTES // 8
MINUTE = timedelta(minutes=1)
_ALL = (1 << MINUTES) - 1

# From one moment on and before another.
type Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which minutes of a day (UTC) were up, which were shown to be down, and which do not count; a bit for each."""

    up: int = 0
    failed: int = 0
    excused: int = 0

    def __or__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.up | other.up, self.failed | other.failed, self.excused | other.excused)

    def down(self, span: int) -> int:
        """Those of `span` that count as down: shown to be, or with nothing that shows otherwise."""
        return span & ~self.excused & (self.failed | ~self.up)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many minutes count, and how many of them were down."""

    counted: int = 0
    down: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.counted + other.counted, self.down + other.down)


@dataclass(frozen=True, slots=True)
class Outage:
    """Minutes on end that were down: from `since` on and before `until`."""

    since: datetime
    until: datetime

    @property
    def minutes(self) -> int:
        """How long it took."""
        return (self.until - self.since) // MINUTE


def minute_of(moment: datetime) -> int:
    """The bit of a moment within its day (UTC)."""
    at = moment.astimezone(UTC)
    return 1 << (at.hour * 60 + at.minute)


def span_of(day: date, since: datetime, until: datetime) -> int:
    """The minutes of a day that lie wholly from `since` on and before `until`."""
    start = datetime.combine(day, time(), UTC)
    first = max(0, -((start - since) // MINUTE))
    end = min(MINUTES, (until - start) // MINUTE)
    return 0 if end <= first else (1 << end) - (1 << first)


def spans_of(day: date, spans: Iterable[Span]) -> int:
    """The minutes of a day that lie wholly in one of `spans`."""
    return reduce(or_, (span_of(day, *span) for span in spans), 0)


def tally(evidence: Evidence, span: int) -> Tally:
    """What the minutes of `span` come to."""
    return Tally((span & ~evidence.excused).bit_count(), evidence.down(span).bit_count())


def outages(days: Iterator[tuple[date, int]]) -> list[Outage]:
    """Minutes on end out of each day's down minutes, days in their order; one goes on over midnight."""
    found: list[Outage] = []
    for day, down in days:
        start = datetime.combine(day, time(), UTC)
        for first, end in _runs(down & _ALL):
            since, until = start + first * MINUTE, start + end * MINUTE
            if found and found[-1].until == since:
                since = found.pop().since
            found.append(Outage(since, until))
    return found


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """Each run of ones: where it begins, and where it has ended."""
    at = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        yield at + zeros, at + zeros + ones
        bits >>= ones
        at += zeros + ones


def packed(bits: int) -> bytes:
    """As it is stored."""
    return bits.to_bytes(BYTES, "little")


def unpacked(stored: bytes | memoryview) -> int:
    """What was stored."""
    return int.from_bytes(bytes(stored), "little")
