"""How many calls a period will have: those so far, and for each hour left what is usual at its hour of the week."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def calls_forecast(calls: Mapping[datetime, int], *, since: datetime, until: datetime, now: datetime) -> int:
    """The calls of the period from `since` to `until` that are expected at `now`, never fewer than there were.

    `calls` are sums by the beginning of the hour; hours that lack had none, from the earliest on (which may be before
    the period: the more, the better). What is left of the present hour counts as a part of one. Times are UTC.
    """
    so_far = sum(count for hour, count in calls.items() if since <= hour < until)
    present = _hour(now)
    seen = {hour: count for hour, count in calls.items() if hour < present}
    if now >= until or not (seen or so_far):
        return so_far
    if not seen:
        return _by_rate(so_far, present, until, now)
    usual = _usual(seen, present)
    left = Fraction(0)
    hour = max(present, _hour(since))
    while hour < until:
        left += _expected(usual, hour) * _part_left(hour, since, until, now)
        hour += HOUR
    return so_far + int(left + Fraction(1, 2))


def _by_rate(so_far: int, present: datetime, until: datetime, now: datetime) -> int:
    """By the present hour alone, where there was none before it."""
    gone = max(now - present, MINUTE)
    return so_far + int(Fraction(so_far) * Fraction((until - now) // SECOND, gone // SECOND))


def _usual(seen: Mapping[datetime, int], present: datetime) -> dict[int | None, Fraction]:
    """The mean of each hour of the week that was seen, and under None of all."""
    first = min(seen)
    counts: defaultdict[int | None, list[int]] = defaultdict(list)
    for number in range((present - first) // HOUR):
        hour = first + number * HOUR
        for slot in (_slot(hour), None):
            counts[slot].append(seen.get(hour, 0))
    return {slot: Fraction(sum(found), len(found)) for slot, found in counts.items()}


def _expected(usual: Mapping[int | None, Fraction], hour: datetime) -> Fraction:
    return usual.get(_slot(hour), usual[None])


def _part_left(hour: datetime, since: datetime, until: datetime, now: datetime) -> Fraction:
    begins, ends = max(hour, since, now), min(hour + HOUR, until)
    return max(Fraction(0), Fraction((ends - begins) // SECOND, HOUR // SECOND))


def _slot(hour: datetime) -> int:
    return hour.weekday() * 24 + hour.hour


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
