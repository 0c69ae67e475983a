"""Days as a strip of marks, in the units of an SVG's view box; months that somebody may ask for; the latest outages."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.uptime.minutes import Outage
from billing.uptime.reckoning import DayOf, Record, uptime_of

WIDTH, HEIGHT = 720.0, 28.0
GAP = 0.25
# A day with less than this of its counted minutes down is drawn as one that had a hiccup.
SHORT_MINUTES = 10
SHOWN_OUTAGES = 20
SHOWN_MONTHS = 13


@dataclass(frozen=True, slots=True)
class Mark:
    """One day. `state` is a class of the stylesheet: ok, warn, down, or none where no minute counts."""

    day: date
    state: str
    words: str
    x: float
    width: float


def marks_of(record: Record, days: list[date]) -> list[Mark]:
    """A mark for each of `days`, also those before the endpoint was watched."""
    known = {one.day: one for one in record.days}
    width = WIDTH / max(len(days), 1)
    return [
        Mark(day, *_seen(known.get(day)), round(number * width, 2), round(width * (1 - GAP), 2))
        for number, day in enumerate(days)
    ]


def month_of(said: str | None, today: date) -> date:
    """The first day of the month that `2026-11` names; this month for anything else, and for what is to come."""
    try:
        month = date.fromisoformat(f"{said}-01") if said and len(said) == len("2026-11") else today
    except ValueError:
        month = today
    return min(month, today).replace(day=1)


def months_back(today: date) -> list[date]:
    """The first days of the months that can be asked for, this one first."""
    months = [today.replace(day=1)]
    while len(months) < SHOWN_MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months


def days_of(month: date) -> list[date]:
    """Every day of a month."""
    return [month.replace(day=number + 1) for number in range(monthrange(month.year, month.month)[1])]


def outages_of(records: Sequence[Record]) -> list[tuple[str, Outage]]:
    """The latest outages of all endpoints, each with the endpoint's name."""
    found = [(record.endpoint.name, outage) for record in records for outage in record.outages]
    return sorted(found, key=lambda pair: pair[1].since, reverse=True)[:SHOWN_OUTAGES]


def _seen(one: DayOf | None) -> tuple[str, str]:
    uptime = uptime_of(one.tally) if one else None
    if one is None or uptime is None:
        return "none", "not watched"
    if not one.tally.down:
        return "ok", "no minute down"
    state = "warn" if one.tally.down < SHORT_MINUTES else "down"
    return state, f"{uptime} %, {one.tally.down} min down"
