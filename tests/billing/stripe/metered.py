"""A tenant that pays for calls, at a clock of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from billing.ledger.models import UsageHour
from billing.ledger.summing import sum_due
from billing.metering.models import UsageReport, UsageReportDue
from billing.metering.sending import reports_send, tenant_catch_up
from billing.metering.verifying import Verified, usage_verified
from core.tenancy import tenant_context
from tests.billing.ships import Ships
from tests.billing.stripe.paying import Clock, Shop

METER = "/v1/billing/meter_events"


class Metered:
    """A tenant that pays for Professional at a clock of its own, and its calls."""

    def __init__(self, shop: Shop, clock: Clock) -> None:
        self.shop, self.clock = shop, clock
        self.ship = Ships(shop.tenant)
        began = datetime.fromtimestamp(clock.began, UTC)
        self.first = began.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.now = began

    def pass_to(self, moment: datetime) -> None:
        """Has it be that late, at Stripe and for what is sent."""
        self.clock.advance(int(moment.timestamp()) - self.clock.began)
        self.now = moment

    def send(self, later: timedelta = timedelta(0)) -> int:
        """What the jobs do."""
        sum_due(self.shop.tenant.id)
        # Real time tells when a report is due, Stripe's clock what it is told under.
        UsageReportDue.objects.filter(tenant_id=self.shop.tenant.id).update(due_at=self.now)
        return reports_send(self.now + later, tenant_id=self.shop.tenant.id)

    def outage(self, status: int, *, times: int = 1, is_done: bool = False) -> None:
        """The client tries twice more by itself."""
        told: Any = {"status": status, "times": times, "path": METER, "is_done": is_done}
        self.shop.simulator.told("outages", outages=[told])

    def verified(self) -> Verified:
        since = self.first.replace(hour=0) - timedelta(days=1)
        return usage_verified(self.shop.tenant.id, since=since, until=since + timedelta(days=70), now=self.now)

    def reports(self) -> list[tuple[int, str]]:
        with tenant_context(self.shop.tenant.id):
            return list(UsageReport.objects.order_by("created_at").values_list("calls", "state"))

    def add(self, calls: int, name: str = "x") -> None:
        """Adds to the sums of the second hour, as so many calls would."""
        tenant = self.shop.tenant
        with tenant_context(tenant.id):
            UsageHour.objects.create(
                tenant=tenant, hour=self.first + timedelta(hours=1), endpoint_id=uuid4(), method="tools/call",
                name=name, principal="key:2", calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0,
                bytes_out=0,
            )  # fmt: skip
        tenant_catch_up(tenant.id)

    def end_period(self) -> None:
        """Has the period be over, and its invoice be there."""
        self.pass_to(self.first + timedelta(days=31, hours=3))
        self.shop.deliver()
