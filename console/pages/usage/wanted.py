"""What a person chose on the usage page; whatever is not a choice counts as none."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone

from billing.ledger.selectors import MAXIMUM_RANGE_OF_CALLS, Asked
from mcp_runtime.models import Endpoint

DAYS = {"1": "Last 24 hours", "7": "Last 7 days", "31": "Last 31 days", "365": "Last 12 months"}
DEFAULT = "7"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`step` is what one bar stands for: an hour or a day."""

    days: str
    endpoint: str
    endpoints: list[tuple[str, str]]
    asked: Asked
    step: str

    @classmethod
    def of(cls, query: QueryDict, endpoints: list[Endpoint]) -> "Wanted":
        """The choice that the address names."""
        days = query.get("days", DEFAULT)
        days = days if days in DAYS else DEFAULT
        chosen = next((endpoint for endpoint in endpoints if endpoint.slug == query.get("endpoint")), None)
        names = [("", "All endpoints"), *((endpoint.slug, endpoint.name) for endpoint in endpoints)]
        now = timezone.now()
        asked = Asked(_first(now, int(days)), now, chosen.pk if chosen else None)
        return cls(days, chosen.slug if chosen else "", names, asked, "hour" if days == "1" else "day")

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The times there are to choose from."""
        return list(DAYS.items())

    @property
    def recent(self) -> Asked:
        """The same, no longer ago than calls can be listed at once."""
        until = self.asked.until
        endpoint_id: UUID | None = self.asked.endpoint_id
        return Asked(max(self.asked.since, until - MAXIMUM_RANGE_OF_CALLS), until, endpoint_id)


def _first(now: datetime, days: int) -> datetime:
    """Whole hours for a day, and whole days for more, today among them."""
    if days == 1:
        return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    return datetime.combine(now.date(), time(), UTC) - timedelta(days=days - 1)
