"""What a period is expected to have: exact where use is even, never below what there was."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.metering.forecasting import HOUR, calls_forecast

# A Monday; the period is four weeks.
SINCE = datetime(2026, 6, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(weeks=4)
HOURS = 4 * 168


def _even(count: int, rate: int) -> dict[datetime, int]:
    return {SINCE + number * HOUR: rate for number in range(count)}


@given(st.integers(1, HOURS), st.integers(1, 10**6))
def test_even_use_goes_on_evenly(gone: int, rate: int) -> None:
    now = SINCE + gone * HOUR
    assert calls_forecast(_even(gone, rate), since=SINCE, until=UNTIL, now=now) == HOURS * rate


@given(
    st.dictionaries(st.integers(-500, HOURS - 1), st.integers(0, 10**9), max_size=60),
    st.integers(0, HOURS * 3600 + 10**6),
)
def test_it_is_never_below_what_there_was(sums: dict[int, int], seconds: int) -> None:
    now = SINCE + timedelta(seconds=seconds)
    calls = {SINCE + number * HOUR: count for number, count in sums.items() if SINCE + number * HOUR <= now}
    so_far = sum(count for hour, count in calls.items() if hour >= SINCE)
    forecast = calls_forecast(calls, since=SINCE, until=UNTIL, now=now)
    assert forecast >= so_far
    if now >= UNTIL:
        assert forecast == so_far


def test_working_hours_are_expected_again_and_nights_are_not() -> None:
    """A week of ten calls an hour from Monday to Friday, 9 to 17."""
    calls = {SINCE + timedelta(days=day, hours=hour): 10 for day in range(5) for hour in range(9, 17)} | {SINCE: 0}
    now = SINCE + timedelta(weeks=1)
    assert calls_forecast(calls, since=SINCE, until=UNTIL, now=now) == 4 * 5 * 8 * 10


def test_a_first_hour_alone_goes_on_at_its_rate() -> None:
    now = SINCE + timedelta(minutes=30)
    assert calls_forecast({SINCE: 30}, since=SINCE, until=SINCE + timedelta(hours=2), now=now) == 120


def test_weeks_before_the_period_tell_of_it_when_it_begins() -> None:
    calls = {SINCE - number * HOUR: 7 for number in range(1, 169)}
    assert calls_forecast(calls, since=SINCE, until=UNTIL, now=SINCE) == 7 * HOURS


def test_the_present_hour_counts_for_what_is_left_of_it() -> None:
    now = SINCE + timedelta(hours=10, minutes=30)
    calls = _even(10, 100) | {SINCE + 10 * HOUR: 50}
    assert calls_forecast(calls, since=SINCE, until=SINCE + 12 * HOUR, now=now) == 1_200


def test_without_any_call_none_is_expected() -> None:
    assert calls_forecast({}, since=SINCE, until=UNTIL, now=SINCE + HOUR) == 0
