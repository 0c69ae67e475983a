"""What a line of an invoice is made of: its calls, by endpoint, tool and key and one by one, and what they cost.

Runs inside the tenant's context. A line bills what Stripe was told under times of its period: nearly always the calls
of its hours, and besides late ones of hours whose own period was over.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

from billing.ledger.models import UsageEvent, UsageHour
from billing.metering.models import ReportState, UsageReport
from billing.stripe.invoices import is_id
from billing.stripe.models import InvoiceLine
from core import refusals
from core.refusals import Refused

GROUPS = {"endpoint": "endpoint_id", "tool": "name", "key": "principal"}
# Of each group, those with the most calls.
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """The billable calls of one endpoint, tool or key."""

    group: str
    calls: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A line with what it is made of.

    `quantity` times `each` (cents, exactly) is `exact`, which rounded is the line's `cents`. The invoice bills `billed`
    calls of the period, of which `included` cost nothing; Stripe was told of `told`. The ledger has `ledger` calls in
    the hours that these are of: `elsewhere` is how many of them another period bills, `unreported` how many none does
    yet; so `ledger` is `told + elsewhere + unreported`. `late` is how many of `told` are of hours before the period.
    """

    line: InvoiceLine
    quantity: int
    each: Decimal
    exact: Decimal
    cents: int
    billed: int
    included: int
    told: int
    late: int
    ledger: int
    elsewhere: int
    parts: dict[str, list[Part]]

    @property
    def unreported(self) -> int:
        """Calls that came since, and that nothing bills yet."""
        return self.ledger - self.told - self.elsewhere

    @property
    def is_exact(self) -> bool:
        """Whether the invoice bills the calls that Stripe was told of, and the line its price for each."""
        return self.billed == self.told and self.cents == self.line.amount


def line_open(invoice: str, line: str) -> Opening:
    """Opens one line. Raises Refused(NOT_FOUND) for one that there is not, or that bills no calls."""
    row = line_of_calls(invoice, line)
    quantity, each = row.quantity or 0, row.unit_amount or Decimal(0)
    siblings = InvoiceLine.objects.filter(
        invoice=invoice, is_metered=True, period_start=row.period_start, period_end=row.period_end
    )
    billed = siblings.aggregate(all=Sum("quantity"), free=Sum("quantity", filter=Q(unit_amount=0)))
    told = _told(row)
    hours = UsageHour.objects.filter(hour__in=told.values("hour"))
    told_calls = _sum(told, "calls")
    exact = quantity * each
    return Opening(
        line=row,
        quantity=quantity,
        each=each,
        exact=exact,
        cents=int(exact.quantize(Decimal(1), ROUND_HALF_UP)),
        billed=billed["all"] or 0,
        included=billed["free"] or 0,
        told=told_calls,
        late=_sum(told.filter(hour__lt=row.period_start), "calls"),
        ledger=_sum(hours, "billable"),
        elsewhere=_sum(UsageReport.objects.filter(hour__in=told.values("hour")), "calls") - told_calls,
        parts={name: _parts(hours, column) for name, column in GROUPS.items()},
    )


def line_calls(invoice: str, line: str) -> QuerySet[UsageEvent, Any]:
    """The calls of a line's hours one by one, as long as they are kept, the latest first. Raises Refused(NOT_FOUND)."""
    hours = _told(line_of_calls(invoice, line)).values("hour")
    rows = UsageEvent.objects.annotate(hour=TruncHour("at")).filter(billable=True, hour__in=hours)
    return rows.order_by("-at", "-boot", "-sequence")


def line_of_calls(invoice: str, line: str) -> InvoiceLine:
    """A line that bills calls. Raises Refused(NOT_FOUND)."""
    rows = InvoiceLine.objects.filter(invoice=invoice, stripe_id=line, is_metered=True)
    row = rows.first() if is_id(line) else None
    if row is None:
        raise Refused(refusals.NOT_FOUND)
    return row


def _told(line: InvoiceLine) -> QuerySet[UsageReport]:
    return UsageReport.objects.filter(state=ReportState.SENT, at__gte=line.period_start, at__lt=line.period_end)


def _parts(hours: QuerySet[UsageHour], column: str) -> list[Part]:
    rows = hours.values(group=F(column)).annotate(sum=Sum("billable")).filter(sum__gt=0).order_by("-sum", "group")
    return [Part(str(row["group"]), row["sum"]) for row in rows[:MOST_SHOWN]]


def _sum(rows: QuerySet[Any], of: str) -> int:
    return int(rows.aggregate(sum=Sum(of))["sum"] or 0)
