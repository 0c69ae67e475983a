"""Whether what buyers are billed is what their keys called, to the call: the ledger beside what was reported of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, Sum

from billing.ledger.summing import lock_sums, sum_due
from billing.metering.models import ReportState
from billing.resale.models import PurchaseReport
from billing.resale.usage import purchase_calls, purchase_reports_derive, purchase_told
from core.tenancy import tenant_context


@dataclass(frozen=True, slots=True)
class PurchasesVerified:
    """Calls of purchases that are paid by the call. `waiting`, `waived` and `failed` are parts of `reported`.

    `differing` are the purchases of which the ledger says something else than what was reported.
    """

    ledger: int
    reported: int
    waiting: int
    waived: int
    failed: int
    differing: tuple[UUID, ...]

    @property
    def is_right(self) -> bool:
        """Whether every call of every purchase was written down once, and Stripe refused none."""
        return not self.differing and not self.failed

    def __str__(self) -> str:
        return (
            f"{'right' if self.is_right else 'WRONG'}: purchases' ledger {self.ledger}, reported {self.reported} "
            f"(waiting {self.waiting}, waived {self.waived}, failed {self.failed})"
        )


def purchases_verified(tenant_id: UUID, *, since: datetime, until: datetime) -> PurchasesVerified:
    """Compares what a seller's buyers called from `since` on and before `until`, after what is due was summed.

    Nothing is sent, and Stripe is not asked. Opens contexts of its own.
    """
    sum_due(tenant_id)
    with tenant_context(tenant_id):
        lock_sums(tenant_id)
        purchase_reports_derive(since=since, until=until)
        called, told = purchase_calls(since, until), purchase_told(since, until)
        states = {state: Sum("calls", filter=Q(state=state)) for state in ("waiting", "waived", "failed")}
        sums = PurchaseReport.objects.filter(hour__gte=since, hour__lt=until).aggregate(**states)
    differing = {place[0] for place in called.keys() | told.keys() if called.get(place, 0) != told.get(place, 0)}
    return PurchasesVerified(
        ledger=sum(called.values()),
        reported=sum(told.values()),
        waiting=sums[ReportState.WAITING] or 0,
        waived=sums[ReportState.WAIVED] or 0,
        failed=sums[ReportState.FAILED] or 0,
        differing=tuple(sorted(differing)),
    )
