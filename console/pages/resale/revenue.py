"""What sales of a month brought and how it is split, and one sale with its calls."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.money import shown
from billing.resale.models import Offer, Sale
from billing.resale.revenue import revenue, sale_calls, sale_for, sales
from console.access import MemberRequest, member
from console.pages.uptime.strip import month_of, months_back
from console.rendering import page, rows_of
from tenants.access import Permission


@dataclass(frozen=True, slots=True)
class Split:
    """What an offer brought in a month, in one currency: paid, kept by the platform, given back, the seller's."""

    offer: Offer
    calls: int
    gross: str
    fee: str
    refunded: str
    net: str


def splits_of(month: date) -> list[Split]:
    """Inside the tenant's context."""
    return [
        Split(
            row.offer,
            row.calls,
            shown(row.gross, row.currency),
            shown(row.fee, row.currency),
            shown(row.refunded, row.currency),
            shown(row.net, row.currency),
        )
        for row in revenue(month)
    ]


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING)
def show(request: MemberRequest) -> HttpResponse:
    """The month that the address names, or this one: by offer, and sale by sale."""
    today = timezone.now().date()
    month = month_of(request.GET.get("month"), today)
    context = {
        "month": f"{month:%Y-%m}",
        "months": [(f"{one:%Y-%m}", f"{one:%B %Y}") for one in months_back(today)],
        "splits": splits_of(month),
        "rows": rows_of(request, sales(month=month)),
    }
    return page(request, "resale/revenue.html", context)


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING)
def sale(request: MemberRequest, sale_id: UUID) -> HttpResponse:
    """One payment: who paid for what, how it is split, and the calls of its period by tool."""
    found = sale_for(sale_id)
    context = {
        "sale": found,
        "offer": found.purchase.offer,
        "money": _money(found),
        "calls": sale_calls(found),
    }
    return page(request, "resale/sale.html", context)


def _money(found: Sale) -> dict[str, str]:
    amounts = {"amount": found.amount, "fee": found.fee, "refunded": found.refunded, "net": found.net}
    return {name: shown(amount, found.currency) for name, amount in amounts.items()}
