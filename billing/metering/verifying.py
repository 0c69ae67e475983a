"""Whether what is billed is what was called, to the call: the ledger, the reports and Stripe's meter side by side.

Opens the tenant's context itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q, Sum
from django.utils import timezone

from billing.ledger.summing import sum_due
from billing.metering.models import ReportState, UsageReport
from billing.metering.reports import billable_by_hour, billed_subscriptions, is_billed
from billing.metering.sending import tenant_catch_up
from billing.stripe.catalogue_names import METER_EVENT
from billing.stripe.client import stripe_client
from billing.stripe.customers import customer_known
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Verified:
    """Calls of a time. `ledger` are those of hours that a subscription bills, `reported` what was written down of them.

    `sent` is what Stripe is known to have under times of that time, `unsure` what it may have as well, and `metered`
    what it says that it has; None without a customer there. `waived` and `failed` are parts of `reported`.
    """

    ledger: int
    reported: int
    waived: int
    failed: int
    sent: int
    unsure: int
    metered: int | None

    @property
    def is_right(self) -> bool:
        """Whether every call was written down once, and Stripe has what it was told."""
        if self.ledger != self.reported or self.failed:
            return False
        return self.metered is None or self.sent <= self.metered <= self.sent + self.unsure

    def __str__(self) -> str:
        at_stripe = "no customer at Stripe" if self.metered is None else f"Stripe's meter {self.metered}"
        return (
            f"{'right' if self.is_right else 'WRONG'}: ledger {self.ledger}, reported {self.reported} "
            f"(waived {self.waived}, failed {self.failed}); sent {self.sent}, unsure {self.unsure}, {at_stripe}"
        )


def usage_verified(tenant_id: UUID, *, since: datetime, until: datetime, now: datetime | None = None) -> Verified:
    """Compares what there is of a tenant from `since` on and before `until`, after what is due was summed and reported.

    Nothing is sent. Passes Stripe's errors.
    """
    sum_due(tenant_id)
    tenant_catch_up(tenant_id)
    with tenant_context(tenant_id):
        billed = list(billed_subscriptions(tenant_id))
        ledger = sum(
            calls
            for hour, calls in billable_by_hour(since, until).items()
            if any(is_billed(each, hour) for each in billed)
        )
        found = _reported(since, until)
    return Verified(ledger=ledger, **found, metered=_metered(tenant_id, since, until, now or timezone.now()))


def _reported(since: datetime, until: datetime) -> dict[str, int]:
    of_hours = Q(hour__gte=since, hour__lt=until)
    told_then = Q(at__gte=since, at__lt=until)
    sums = UsageReport.objects.aggregate(
        reported=Sum("calls", filter=of_hours),
        waived=Sum("calls", filter=of_hours & Q(state=ReportState.WAIVED)),
        failed=Sum("calls", filter=of_hours & Q(state=ReportState.FAILED)),
        sent=Sum("calls", filter=told_then & Q(state=ReportState.SENT)),
        unsure=Sum("calls", filter=told_then & Q(state__in=[ReportState.WAITING, ReportState.FAILED])),
    )
    return {name: calls or 0 for name, calls in sums.items()}


def _metered(tenant_id: UUID, since: datetime, until: datetime, now: datetime) -> int | None:
    customer = customer_known(tenant_id)
    if not customer:
        return None
    last = min(until, now.replace(second=0, microsecond=0) + MINUTE)
    summaries = stripe_client().v1.billing.meters.event_summaries.list(
        _meter(), {"customer": customer, "start_time": int(since.timestamp()), "end_time": int(last.timestamp())}
    )
    return int(sum(summary.aggregated_value for summary in summaries.auto_paging_iter()))


def _meter() -> str:
    """Raises Refused(PAYMENTS_NOT_SET_UP) where the account has none."""
    for meter in stripe_client().v1.billing.meters.list({"status": "active", "limit": 100}).auto_paging_iter():
        if meter.event_name == METER_EVENT:
            return meter.id
    raise Refused(refusals.PAYMENTS_NOT_SET_UP, "The account has no meter of calls yet: `armstrong billing sync`.")


def month_of(text: str) -> tuple[datetime, datetime]:
    """The beginning of a month written `2026-06`, and its end (UTC). Raises ValueError."""
    since = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    return since, (since + timedelta(days=32)).replace(day=1)
