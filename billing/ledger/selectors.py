"""What is asked of the ledger: sums over a time, and the calls themselves. Each runs inside a tenant context."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncDay

from billing.ledger.models import UsageEvent, UsageHour
from tenants.validation import refused_fields

# The longest time that one question may be about.
MAXIMUM_RANGE = timedelta(days=366)
MAXIMUM_RANGE_BY_HOUR = timedelta(days=31)
MAXIMUM_RANGE_OF_CALLS = timedelta(days=31)
_SUMS = ("calls", "billable", "errors", "microseconds", "bytes_in", "bytes_out")
# What sums can be grouped by, and the order that is most useful for each.
GROUPS = {
    "hour": (F("hour"), ("group",)),
    "day": (TruncDay("hour"), ("group",)),
    "tool": (F("name"), ("-calls", "group")),
    "key": (F("principal"), ("-calls", "group")),
    "endpoint": (F("endpoint_id"), ("-calls", "group")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which calls are meant: from `since` on and before `until`, and of these those of one endpoint, key or name."""

    since: datetime
    until: datetime
    endpoint_id: UUID | None = None
    key_id: UUID | None = None
    name: str | None = None

    def within(self, longest: timedelta) -> "Asked":
        """Itself; raises Refused(INVALID_INPUT) for a time that is empty or longer than `longest`."""
        if self.until <= self.since:
            raise refused_fields({"to": "This has to be after the beginning."})
        if self.until - self.since > longest:
            raise refused_fields({"from": f"Ask for at most {longest.days} days at once."})
        return self

    def of[ModelT: Model](self, rows: QuerySet[ModelT]) -> QuerySet[ModelT]:
        """Those of `rows` that are meant, whatever their time."""
        wanted: dict[str, Any] = {"endpoint_id": self.endpoint_id, "name": self.name}
        wanted["principal"] = f"key:{self.key_id}" if self.key_id else None
        return rows.filter(**{field: value for field, value in wanted.items() if value is not None})


def usage_by(asked: Asked, group: str) -> QuerySet[UsageHour, Any]:
    """Sums (calls, billable, errors, microseconds, bytes_in, bytes_out) by one of GROUPS, in whole hours (UTC).

    They are made once a minute. Raises Refused(INVALID_INPUT) for a time that is too long.
    """
    asked.within(MAXIMUM_RANGE_BY_HOUR if group == "hour" else MAXIMUM_RANGE)
    expression, order = GROUPS[group]
    first = asked.since.replace(minute=0, second=0, microsecond=0)
    rows = asked.of(UsageHour.objects.filter(hour__gte=first, hour__lt=asked.until))
    return rows.values(group=expression).annotate(**{name: Sum(name) for name in _SUMS}).order_by(*order)


def usage_total(asked: Asked) -> dict[str, int]:
    """The same sums over everything that is meant."""
    first = asked.since.replace(minute=0, second=0, microsecond=0)
    rows = asked.of(UsageHour.objects.filter(hour__gte=first, hour__lt=asked.until))
    return {name: value or 0 for name, value in rows.aggregate(**{name: Sum(name) for name in _SUMS}).items()}


def usage_calls(asked: Asked) -> QuerySet[UsageEvent]:
    """The calls themselves, the latest first. Raises Refused(INVALID_INPUT) for a time that is too long."""
    asked.within(MAXIMUM_RANGE_OF_CALLS)
    rows = asked.of(UsageEvent.objects.filter(at__gte=asked.since, at__lt=asked.until))
    return rows.order_by("-at", "-boot", "-sequence")


@dataclass(frozen=True, slots=True)
class Recent:
    """How many calls an endpoint had of late, and how many of them did not end `ok`."""

    calls: int = 0
    errors: int = 0


def usage_recent(since: datetime) -> dict[UUID, Recent]:
    """Calls since then by endpoint, from the calls themselves: for minutes, since every call is read."""
    rows = UsageEvent.objects.filter(at__gte=since).values("endpoint_id").order_by()
    counted = rows.annotate(calls=Count("sequence"), errors=Count("sequence", filter=~Q(outcome="ok")))
    return {row["endpoint_id"]: Recent(row["calls"], row["errors"]) for row in counted}
