"""When periods begin: days, weeks, months and years after an anchor, whose day of the month is kept."""

from calendar import monthrange
from datetime import UTC, datetime

from tests.stripe_simulator.shapes import Object

DAY = 86_400
_SECONDS = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


def after(anchor: int, recurring: Object, times: int) -> int:
    """The anchor and so many intervals."""
    count: int = times * recurring["interval_count"]
    if seconds := _SECONDS.get(recurring["interval"]):
        return anchor + count * seconds
    began = datetime.fromtimestamp(anchor, UTC)
    months = began.year * 12 + began.month - 1 + count * _MONTHS[recurring["interval"]]
    year, month = divmod(months, 12)
    day = min(began.day, monthrange(year, month + 1)[1])
    return int(began.replace(year=year, month=month + 1, day=day).timestamp())


def end_of_period(anchor: int, recurring: Object, at: int) -> int:
    """The first boundary of a period later than `at`."""
    times = 0
    while (boundary := after(anchor, recurring, times)) <= at:
        times += 1
    return boundary
