"""The days of the ledger's table: made ahead and when needed, dropped when no tier keeps them any longer."""

from datetime import date, timedelta

from django.db import connection, transaction
from django.utils import timezone

from billing.plans.selling import longest_days

AHEAD_DAYS = 7


def partitions_make(first: date, days: int = AHEAD_DAYS) -> None:
    """Makes the partitions of `days` days from `first` (UTC) where they are missing."""
    with connection.cursor() as cursor:
        for number in range(days):
            cursor.execute("SELECT billing_usage_partition_ensure(%s)", [first + timedelta(days=number)])


def partitions_drop() -> int:
    """Drops the days that no tier keeps; returns how many. Raises OperationalError where readers keep one busy."""
    before = oldest_day()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT billing_usage_partitions_drop(%s)", [before])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def oldest_day() -> date:
    """The first day (UTC) that the longest tier still keeps: what is older is summed no more."""
    return timezone.now().date() - timedelta(days=longest_days())
