"""Invoices, their lines, and the calls that a line bills."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field

from billing.metering.opening import Part, line_calls, line_open
from billing.stripe.invoices import invoice_of, invoices_issued, lines_of
from console.api.paging import Page, Paging
from console.api.requests import ApiRequest
from console.api.schemas import Moment, answers
from console.api.usage import CallOut
from core.tenancy import tenant_context
from tenants.access import Permission

router = Router(tags=["Billing"])
ONE = "/billing/invoices/{str:invoice}"
LINE = ONE + "/lines/{str:line}"


class InvoiceOut(Schema):
    """An invoice as Stripe has it. Amounts are in the smallest unit of the currency."""

    id: str = Field(description="Stripe's.", alias="stripe_id", examples=["in_1Q2w3E"])
    number: str = Field(examples=["8F2A-0003"])
    status: str = Field(description="open, paid, void or uncollectible.", examples=["paid"])
    currency: str = Field(examples=["usd"])
    subtotal: int = Field(description="Before discounts and tax.", examples=[49_900])
    total: int = Field(description="With both.", examples=[49_900])
    amount_paid: int = Field(examples=[49_900])
    amount_remaining: int = Field(description="What is owed.", examples=[0])
    period_start: Moment
    period_end: Moment
    created: Moment
    due_at: Moment | None
    paid_at: Moment | None
    hosted_url: str = Field(description="Stripe's page of it, where it is paid.")
    pdf_url: str


class LineOut(Schema):
    """A line of an invoice."""

    id: str = Field(description="Stripe's.", alias="stripe_id", examples=["il_1Q2w3E"])
    description: str = Field(examples=["Professional (at $499.00 / month)"])
    amount: int = Field(description="In the smallest unit of the currency.", examples=[49_900])
    currency: str = Field(examples=["usd"])
    quantity: int | None = Field(examples=[1])
    unit_amount: Decimal | None = Field(description="Exactly, in the smallest unit.", examples=["49900"])
    is_metered: bool = Field(description="Whether it bills calls: then it opens to them.")
    is_proration: bool = Field(description="Whether it is of a part of the period.")
    period_start: Moment
    period_end: Moment


class PartOut(Schema):
    """The billable calls of one endpoint, tool or key."""

    group: str = Field(examples=["forecast"])
    calls: int = Field(examples=[5_000_397])


class OpenedOut(Schema):
    """What a line of calls is made of. `told` is `billed` unless something is wrong; `ledger` is `told` and
    `elsewhere` and what nothing bills yet."""

    line: LineOut
    quantity: int = Field(description="Calls that the line bills.", examples=[400])
    each: Decimal = Field(description="Of a call, exactly, in cents.", examples=["0.005"])
    exact: Decimal = Field(description="`quantity` times `each`; rounded it is the line's amount.", examples=["2.000"])
    billed: int = Field(description="Calls of the period, on all of its lines.", examples=[5_000_400])
    included: int = Field(description="Of these, how many cost nothing.", examples=[5_000_000])
    told: int = Field(description="Calls that Stripe was told of under this period.", examples=[5_000_400])
    late: int = Field(description="Of these, of hours before it.", examples=[0])
    ledger: int = Field(description="Billable calls of the hours that these are of.", examples=[5_000_400])
    elsewhere: int = Field(description="Of these, what another period bills.", examples=[0])
    unreported: int = Field(description="Of these, what nothing bills yet.", examples=[0])
    is_exact: bool = Field(description="Whether all of this agrees.")
    endpoints: list[PartOut] = Field(description="By endpoint's id: at most 1,000, the most calls first.")
    tools: list[PartOut] = Field(description="By name of the tool or prompt, or URI.")
    keys: list[PartOut] = Field(description="By who called: `key:<id>`, `member:<id>`, `anonymous`.")


class BilledCall(CallOut):
    """One call; calls that failed or were refused are free, and not among these."""

    endpoint_id: UUID


class Invoices(Page[InvoiceOut]):
    """Invoices, the latest first. Drafts are not among them."""


class Lines(Page[LineOut]):
    """Lines, as they stand on the invoice."""


class BilledCalls(Page[BilledCall]):
    """Calls, the latest first, as long as they are kept one by one."""


@router.get("/billing/invoices", response=answers(200, Invoices, 422), summary="List invoices")
def invoice_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(_payer(request)):
        return _part(invoices_issued(), paging)


@router.get(ONE, response=answers(200, InvoiceOut, 404), summary="Show an invoice")
def invoice_show(request: ApiRequest, invoice: str) -> Any:
    with tenant_context(_payer(request)):
        return invoice_of(invoice)


@router.get(ONE + "/lines", response=answers(200, Lines, 404, 422), summary="List the lines of an invoice")
def invoice_line_list(request: ApiRequest, invoice: str, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(_payer(request)):
        return _part(lines_of(invoice_of(invoice)), paging)


@router.get(LINE, response=answers(200, OpenedOut, 404), summary="Open a line of calls")
def invoice_line_open(request: ApiRequest, invoice: str, line: str) -> dict[str, Any]:
    """How its amount comes about, and by endpoint, tool and key. A line that bills no calls is not found."""
    with tenant_context(_payer(request)):
        opened = line_open(invoice_of(invoice).stripe_id, line)
        names = set(OpenedOut.model_fields) - {"endpoints", "tools", "keys"}
        parts = {f"{name}s": _parts(found) for name, found in opened.parts.items()}
        return {name: getattr(opened, name) for name in names} | parts


@router.get(LINE + "/calls", response=answers(200, BilledCalls, 404, 422), summary="List the calls of a line")
def invoice_line_call_list(request: ApiRequest, invoice: str, line: str, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(_payer(request)):
        return _part(line_calls(invoice_of(invoice).stripe_id, line), paging)


def _payer(request: ApiRequest) -> UUID:
    request.auth.require(Permission.MANAGE_BILLING)
    return request.auth.tenant.id


def _parts(found: list[Part]) -> list[dict[str, Any]]:
    return [{"group": part.group, "calls": part.calls} for part in found]


def _part(rows: Any, paging: Paging) -> dict[str, Any]:
    items = list(rows[paging.offset : paging.offset + paging.limit])
    return {"items": items, "total": rows.count(), "limit": paging.limit, "offset": paging.offset}
