"""What the evidence of days comes to: uptime, outages and the error budget. Runs inside a tenant's context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from billing.uptime.minutes import Evidence, Outage, Span, Tally, outages, spans_of, tally
from billing.uptime.models import UptimeDay, WatchedEndpoint
from billing.uptime.recording import evidence_of

# Probes and calls are written down within this time; minutes after it are not judged yet.
SETTLES = timedelta(minutes=3)
_ONE_DAY = timedelta(days=1)
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class DayOf:
    """One day of one endpoint: what it came to, the minutes that are judged and those that were down, as bits."""

    day: date
    tally: Tally
    span: int
    down: int


@dataclass(frozen=True, slots=True)
class Record:
    """Days of one endpoint, the earliest first."""

    endpoint: WatchedEndpoint
    days: list[DayOf]

    @property
    def tally(self) -> Tally:
        """All days together."""
        return sum((day.tally for day in self.days), Tally())

    @property
    def uptime(self) -> Decimal | None:
        """In percent; None where no minute counts."""
        return uptime_of(self.tally)

    @property
    def outages(self) -> list[Outage]:
        """The latest first."""
        return outages((day.day, day.down) for day in self.days)[::-1]

    @property
    def is_down(self) -> bool:
        """Whether the last minute that is judged was down."""
        last = self.days[-1] if self.days else None
        return last is not None and last.down > 0 and last.down.bit_length() == last.span.bit_length()


def uptime_of(counted: Tally) -> Decimal | None:
    """In percent, rounded against us to four places."""
    if not counted.counted:
        return None
    share = Decimal(counted.counted - counted.down) * 100 / counted.counted
    return share.quantize(_PLACES, rounding=ROUND_DOWN)


def budget_of(target: Decimal, counted: Tally) -> tuple[int, int]:
    """How many of these minutes may be down by a target in percent, and how many of them are left (never below 0)."""
    allowed = int(counted.counted * (100 - target) / 100)
    return allowed, max(0, allowed - counted.down)


def records(first: date, last: date, now: datetime, during: Sequence[Span] | None = None) -> list[Record]:
    """Each endpoint that was watched on any day from `first` to `last`, by its name; only minutes of `during` count."""
    start, over = (datetime.combine(day, time(), UTC) for day in (first, last + _ONE_DAY))
    end = min(over, now - SETTLES)
    watched = WatchedEndpoint.objects.filter(since__lt=over).exclude(until__lte=start).order_by("name", "slug")
    stored = {
        (row.endpoint_id, row.day): evidence_of(row) for row in UptimeDay.objects.filter(day__range=(first, last))
    }
    asked = [(start, end)] if during is None else during
    return [Record(row, list(_days(row, stored, first, end, asked))) for row in watched]


def _days(
    endpoint: WatchedEndpoint,
    stored: dict[tuple[UUID, date], Evidence],
    first: date,
    end: datetime,
    asked: Sequence[Span],
) -> Iterator[DayOf]:
    spans = endpoint.spans(end)
    day = max(first, endpoint.since.astimezone(UTC).date())
    while datetime.combine(day, time(), UTC) < spans[-1][1]:
        evidence = stored.get((endpoint.endpoint_id, day), Evidence())
        span = spans_of(day, spans) & spans_of(day, asked)
        yield DayOf(day, tally(evidence, span), span, evidence.down(span))
        day += _ONE_DAY
