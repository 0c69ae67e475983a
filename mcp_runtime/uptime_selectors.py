"""What is read of endpoints' uptime, by members and by everybody."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from billing.models import StatusPage, UptimeMonth
from billing.uptime.reckoning import Record, records
from core.tenancy import tenant_context
from tenants.models import Tenant, TenantSlug

SHOWN_DAYS = 90


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """What everybody sees: the page's name, and its endpoints over the last days."""

    name: str
    slug: str
    records: list[Record]

    @property
    def down(self) -> list[Record]:
        """Those that are down now."""
        return [record for record in self.records if record.is_down]


def status_page() -> StatusPage | None:
    """The tenant's page, published or not. Inside its context."""
    return StatusPage.objects.first()


def month_records(month: date, now: datetime) -> list[Record]:
    """Every endpoint that was watched in the month of that day. Inside the tenant's context."""
    first = month.replace(day=1)
    return records(first, first.replace(day=monthrange(first.year, first.month)[1]), now)


def month_closed(month: date) -> UptimeMonth | None:
    """What the month of that day came to, if it is over. Inside the tenant's context."""
    return UptimeMonth.objects.filter(month=month.replace(day=1)).first()


def public_status(slug: str, now: datetime) -> PublicStatus | None:
    """The published page of a tenant; None where there is none, or the tenant is gone. Opens the context itself."""
    tenant_id: UUID | None = TenantSlug.objects.filter(slug=slug).values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        return None
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(delete_after=None).first()
        page = StatusPage.objects.filter(published=True).first()
        if tenant is None or page is None:
            return None
        last = now.date()
        found = records(last - timedelta(days=SHOWN_DAYS - 1), last, now)
    shown = [one for one in found if one.endpoint.until is None and str(one.endpoint.endpoint_id) in page.shown]
    return PublicStatus(page.name, tenant.slug, shown)
