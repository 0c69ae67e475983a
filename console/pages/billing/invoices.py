"""One invoice, line by line; a line that bills calls opens to what they were, and further to the calls one by one."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.metering.opening import Opening, Part, line_calls, line_open
from billing.money import shown
from billing.stripe.invoices import invoice_of, lines_of
from console.access import MemberRequest, member
from console.rendering import ROWS_PER_PAGE, page
from mcp_runtime.selectors import endpoints_matching
from tenants.access import Permission

SHOWN_PARTS = 50


@require_safe
@member(Permission.MANAGE_BILLING)
def show(request: MemberRequest, invoice: str) -> HttpResponse:
    """The invoice of that id at Stripe; one of another tenant is as unknown as none."""
    found = invoice_of(invoice)
    context = {
        "invoice": found,
        "total": shown(found.total, found.currency),
        "subtotal": shown(found.subtotal, found.currency),
        "adjusted": shown(found.total - found.subtotal, found.currency) if found.total != found.subtotal else "",
        "paid": shown(found.amount_paid, found.currency),
        "owed": shown(found.amount_remaining, found.currency) if found.amount_remaining else "",
        "lines": [(row, shown(row.amount, row.currency)) for row in lines_of(found)],
    }
    return page(request, "billing/invoice.html", context)


@require_safe
@member(Permission.MANAGE_BILLING)
def line(request: MemberRequest, invoice: str, line: str) -> HttpResponse:
    """What a line of calls is made of: how its amount comes about, by what, and each call as long as it is kept."""
    found = invoice_of(invoice)
    opened = line_open(found.stripe_id, line)
    calls = Paginator(line_calls(found.stripe_id, line), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "invoice": found,
        "opened": opened,
        "amount": shown(opened.line.amount, opened.line.currency),
        "endpoints": _by_name(opened),
        "tools": opened.parts["tool"][:SHOWN_PARTS],
        "keys": opened.parts["key"][:SHOWN_PARTS],
        "calls": calls,
    }
    return page(request, "billing/line.html", context)


def _by_name(opened: Opening) -> list[Part]:
    names = {endpoint.pk: endpoint.name for endpoint in endpoints_matching()}
    parts = opened.parts["endpoint"][:SHOWN_PARTS]
    return [Part(names.get(UUID(part.group), "An endpoint that is gone"), part.calls) for part in parts]
