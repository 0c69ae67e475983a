"""Minutes as bits, against the same thing said with sets."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.uptime.minutes import (
    MINUTES,
    Evidence,
    Outage,
    Tally,
    minute_of,
    outages,
    packed,
    span_of,
    tally,
    unpacked,
)

DAY = date(2026, 11, 23)
START = datetime.combine(DAY, time(), UTC)
MINUTE = timedelta(minutes=1)
MINUTE_SETS = st.sets(st.integers(0, MINUTES - 1), max_size=60)


def bits(minutes: set[int]) -> int:
    return sum(1 << minute for minute in minutes)


@given(MINUTE_SETS, MINUTE_SETS, MINUTE_SETS, MINUTE_SETS)
def test_what_counts_and_what_was_down(up: set[int], failed: set[int], excused: set[int], span: set[int]) -> None:
    counted = tally(Evidence(bits(up), bits(failed), bits(excused)), bits(span))
    down = {minute for minute in span - excused if minute in failed or minute not in up}
    assert counted == Tally(len(span - excused), len(down))


@given(MINUTE_SETS)
def test_what_is_stored_is_what_comes_back(minutes: set[int]) -> None:
    assert unpacked(packed(bits(minutes))) == bits(minutes)


@given(st.lists(MINUTE_SETS, min_size=1, max_size=3))
def test_outages_are_the_down_minutes_and_do_not_touch(days: list[set[int]]) -> None:
    found = outages((DAY + timedelta(days=number), bits(minutes)) for number, minutes in enumerate(days))
    expected = {START + timedelta(days=number, minutes=one) for number, minutes in enumerate(days) for one in minutes}
    told = {outage.since + number * MINUTE for outage in found for number in range(outage.minutes)}
    assert told == expected
    assert all(earlier.until < later.since for earlier, later in pairwise(found))


def test_an_outage_goes_on_over_midnight() -> None:
    found = outages(iter([(DAY, 1 << (MINUTES - 1)), (DAY + timedelta(days=1), 0b11)]))
    assert found == [Outage(START + timedelta(minutes=MINUTES - 1), START + timedelta(minutes=MINUTES + 2))]


@given(st.integers(-3_000, 3_000), st.integers(-3_000, 3_000))
def test_a_span_holds_the_minutes_that_lie_in_it_wholly(first: int, length: int) -> None:
    since, until = START + first * timedelta(seconds=30), START + (first + length) * timedelta(seconds=30)
    starts = {minute: START + minute * MINUTE for minute in range(MINUTES)}
    inside = {minute for minute, start in starts.items() if since <= start and start + MINUTE <= until}
    assert span_of(DAY, since, until) == bits(inside)


def test_a_moment_is_a_minute_of_its_day() -> None:
    assert minute_of(START + timedelta(hours=23, minutes=59, seconds=59)) == 1 << (MINUTES - 1)
