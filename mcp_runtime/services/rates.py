"""Limits of calls that customers set, on a key or on a tool."""

from datetime import timedelta

from django.utils import timezone

from mcp_runtime.models import CallBudget
from tenants.validation import refused_fields

MAXIMUM_CALLS_PER_MINUTE = 1_000_000
UNUSED = timedelta(hours=1)  # a bucket fills in a minute
FIELD = "calls_per_minute"


def require_rate(calls_per_minute: object) -> None:
    """Raises Refused(INVALID_INPUT) unless the limit is unset, or a number of calls a minute that means something."""
    if calls_per_minute is None:
        return
    # True is an integer to Python, and no number to anybody else.
    if type(calls_per_minute) is not int or not 1 <= calls_per_minute <= MAXIMUM_CALLS_PER_MINUTE:
        sentence = f"Choose 1 to {MAXIMUM_CALLS_PER_MINUTE:,} calls a minute, or leave it out for no limit of its own."
        raise refused_fields({FIELD: sentence})


def budgets_purge() -> int:
    """Forgets buckets that have been full for long, which are full when they are made again; returns how many."""
    return CallBudget.objects.filter(refilled_at__lte=timezone.now() - UNUSED).delete()[0]
