"""What sales brought, what each is made of, and what a buyer uses. Each runs inside the seller's context.

Months are calendar months in UTC, and a payment is of the month in which it arrived.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from billing.ledger.models import UsageHour
from billing.metering.models import ReportState
from billing.resale.models import Offer, OfferKind, Purchase, PurchaseKey, PurchaseReport, Sale
from core import refusals
from core.refusals import Refused

_LONGEST_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class Revenue:
    """What an offer brought, in a currency's smallest unit: what buyers paid, the fee of it, and what went back."""

    offer: Offer
    currency: str
    gross: int
    fee: int
    refunded: int
    calls: int

    @property
    def net(self) -> int:
        """The seller's, before Stripe's own fees."""
        return self.gross - self.fee - self.refunded


@dataclass(frozen=True, slots=True)
class Use:
    """Calls of a period, and what they cost in the smallest unit, exactly; nothing where the month is paid for."""

    calls: int
    amount: Decimal


def revenue(month: date) -> list[Revenue]:
    """What each offer brought in the month of a day, in each currency, that which brought most first."""
    sums = _of_month(month).values("purchase__offer", "currency")
    rows = sums.annotate(gross=Sum("amount"), taken=Sum("fee"), back=Sum("refunded"), counted=Sum("calls"))
    offers = Offer.objects.in_bulk([row["purchase__offer"] for row in rows])
    return [
        Revenue(
            offers[row["purchase__offer"]], row["currency"], row["gross"], row["taken"], row["back"], row["counted"]
        )
        for row in rows.order_by("-gross", "purchase__offer", "currency")
    ]


def sales(*, month: date | None = None, offer: Offer | None = None) -> QuerySet[Sale]:
    """Payments of a month, of an offer, or all; the latest first."""
    rows = Sale.objects.all() if month is None else _of_month(month)
    rows = rows if offer is None else rows.filter(purchase__offer=offer)
    return rows.select_related("purchase__offer").order_by("-paid_at", "id")


def sale_for(sale_id: UUID) -> Sale:
    """One payment. Raises Refused(NOT_FOUND)."""
    found = sales().filter(pk=sale_id).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def sale_calls(sale: Sale) -> list[tuple[str, int]]:
    """The calls that ended well of a payment's period, by tool, the most first: those that it bills, or includes."""
    rows = UsageHour.objects.filter(principal__in=_principals(sale.purchase))
    if sale.purchase.offer.kind == OfferKind.PER_CALL:
        rows = rows.filter(hour__in=_told(sale.purchase, sale.period_start, sale.period_end).values("hour"))
    else:
        rows = rows.filter(hour__gte=_hour(sale.period_start), hour__lt=sale.period_end)
    named = rows.values("name").annotate(sum=Sum("billable")).filter(sum__gt=0).order_by("-sum", "name")
    return [(row["name"], row["sum"]) for row in named]


def purchase_use(purchase: Purchase) -> Use:
    """What a purchase's keys called in the period that runs."""
    if purchase.period_start is None or purchase.period_end is None:
        return Use(0, Decimal(0))
    if purchase.offer.kind == OfferKind.PER_CALL:
        calls = _sum(_told(purchase, purchase.period_start, purchase.period_end), "calls")
        return Use(calls, calls * purchase.offer.amount)
    rows = UsageHour.objects.filter(
        principal__in=_principals(purchase), hour__gte=_hour(purchase.period_start), hour__lt=purchase.period_end
    )
    return Use(_sum(rows, "billable"), Decimal(0))


def _of_month(month: date) -> QuerySet[Sale]:
    first = datetime.combine(month.replace(day=1), time(), UTC)
    return Sale.objects.filter(paid_at__gte=first, paid_at__lt=(first + _LONGEST_MONTH).replace(day=1))


def _principals(purchase: Purchase) -> QuerySet[PurchaseKey, str]:
    return PurchaseKey.objects.filter(purchase=purchase).values_list("principal", flat=True)


def _told(purchase: Purchase, since: datetime, until: datetime) -> QuerySet[PurchaseReport]:
    """What a period bills: reports under its times, and those of its hours that are on their way."""
    waiting = Q(at=None, hour__gte=_hour(since), hour__lt=until)
    rows = PurchaseReport.objects.filter(Q(at__gte=since, at__lt=until) | waiting, purchase=purchase)
    return rows.exclude(state__in=[ReportState.WAIVED, ReportState.FAILED])


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _sum(rows: QuerySet[PurchaseReport] | QuerySet[UsageHour], of: str) -> int:
    return int(rows.aggregate(sum=Sum(of))["sum"] or 0)
