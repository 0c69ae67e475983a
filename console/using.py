"""How much of what a plan limits is used, for the page of billing and for the API. Inside the tenant's context."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, Max
from django.utils import timezone

from billing.entitlements import Limit
from billing.metering.periods import Period, calls_in
from billing.plans.models import Entitlement
from mcp_runtime.models import Endpoint, RequestBudget, Tool
from tenants.models import Membership


@dataclass(frozen=True, slots=True)
class Use:
    """How much there is of something that a plan limits; `allowed` None: as much as one likes."""

    limit: Limit
    label: str
    used: int
    allowed: int | None

    @property
    def note(self) -> str:
        """In numbers."""
        return f"{self.used:,}, without limit" if self.allowed is None else f"{self.used:,} of {self.allowed:,}"

    @property
    def is_over(self) -> bool:
        """Whether there is more than the plan allows: nothing of it is taken. Calls beyond those included are paid."""
        return self.limit != Limit.CALLS_INCLUDED and self.allowed is not None and self.used > self.allowed


def uses_of(held: Entitlement, period: Period) -> list[Use]:
    """Of what is counted here; `period` is the one that calls are billed in."""
    days = f"{_day(period.since.date())} to {_day(period.until.date())}"
    uses = [
        Use(Limit.CALLS_INCLUDED, f"Billable calls, {days} (UTC)", calls_in(period), period.included),
        Use(Limit.ENDPOINTS, "Endpoints", Endpoint.objects.count(), held.endpoints),
        Use(Limit.MEMBERS, "Members", Membership.objects.active().count(), held.members),
        Use(Limit.TOOLS_PER_ENDPOINT, "Tools on the fullest endpoint", _most_tools(), held.tools_per_endpoint),
    ]
    if held.requests is not None:
        uses.append(Use(Limit.REQUESTS, "Requests this month (UTC)", _requests(held.tenant_id), held.requests))
    return uses


def _most_tools() -> int:
    counts = Tool.objects.values("endpoint").annotate(tools=Count("pk"))
    return int(counts.aggregate(most=Max("tools"))["most"] or 0)


def _requests(tenant_id: UUID) -> int:
    month = timezone.now().date().replace(day=1)
    return RequestBudget.objects.filter(tenant_id=tenant_id, month=month).values_list("spent", flat=True).first() or 0


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
