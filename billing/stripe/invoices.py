"""What is read of invoices. Inside the tenant's context."""

import re

from django.db.models import QuerySet

from billing.stripe.models import Invoice, InvoiceLine
from core import refusals
from core.refusals import Refused

# Stripe's ids. PostgreSQL takes no NUL in a text, and an address may hold one.
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def invoices_issued() -> QuerySet[Invoice]:
    """All that are no drafts, the latest first."""
    return Invoice.objects.exclude(status="draft").order_by("-created", "-stripe_id")


def invoice_of(identifier: str) -> Invoice:
    """The invoice of that id at Stripe; one of another tenant is as unknown as none. Raises Refused(NOT_FOUND)."""
    found = invoices_issued().filter(stripe_id=identifier).first() if is_id(identifier) else None
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def lines_of(invoice: Invoice) -> QuerySet[InvoiceLine]:
    """Its lines, as they stand on it."""
    return InvoiceLine.objects.filter(invoice=invoice.stripe_id).order_by("place")


def is_id(text: str) -> bool:
    """Whether a text could be an id of Stripe's."""
    return _ID.fullmatch(text) is not None
