"""The plan that a tenant has, what it uses of it, what is on sale, what that would cost, and the trial."""

from decimal import Decimal
from typing import Any, Literal

from ninja import Query, Router, Schema, Status
from pydantic import Field

from billing.costs import month_on
from billing.entitlements import contract_in_force, entitlement_of
from billing.metering.models import UsageAlert
from billing.metering.outlook import expected_a_month
from billing.metering.periods import period_now
from billing.models import UptimeMonth
from billing.plans.models import MAXIMUM_CALLS, Entitlement
from billing.plans.selling import plan_on_sale, plans_on_sale
from billing.stripe.subscriptions import subscription_running
from billing.trials import may_try, trial_start
from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Moment, answers
from console.excess import excess_now
from console.using import uses_of
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission

router = Router(tags=["Billing"])


class TermsOut(Schema):
    """What a plan gives. A limit that is null is none."""

    connections: int | None = Field(description="HTTP exchanges open at one moment.", examples=[50_000])
    requests_per_second: int | None = Field(description="Sustained; ten seconds' worth may come at once.")
    requests: int | None = Field(description="In a calendar month (UTC).")
    calls_included: int | None = Field(description="Billable calls a month that cost nothing.", examples=[5_000_000])
    endpoints: int | None = Field(examples=[100])
    tools_per_endpoint: int = Field(description="As many prompts and as many resources besides.", examples=[500])
    members: int | None = Field(examples=[50])
    usage_days: int = Field(description="How long each call is kept.", examples=[30])
    audit_days: int = Field(description="How long each event of the audit log is kept.", examples=[30])
    sso: bool = Field(description="Single sign-on.")
    scim: bool = Field(description="Provisioning by SCIM.")
    audit_export: bool = Field(description="Exports of the audit log, and webhooks that get it.")
    sla: bool = Field(description="Uptime that is promised, and credited where it is not kept.")


class PlanOnSale(TermsOut):
    """A plan that is on sale."""

    name: str = Field(examples=["professional"])
    version: int = Field(description="Who has an earlier version keeps it.", examples=[1])
    title: str = Field(examples=["Professional"])
    currency: str = Field(examples=["usd"])
    monthly_price_cents: int | None = Field(description="Without tax; null: by agreement.", examples=[49_900])
    yearly_price_cents: int | None = Field(description="Of a whole year, without tax.", examples=[499_000])
    overage_millicents: Decimal | None = Field(
        description="Of each call beyond those included, in thousandths of a cent; null: no more are sold.",
        examples=["5.000000"],
    )
    support: str = Field(examples=["E-mail"])


class UseOut(Schema):
    """How much is used of one limit."""

    limit: str = Field(examples=["endpoints"])
    used: int = Field(examples=[12])
    allowed: int | None = Field(description="Null: as many as you like.", examples=[100])
    is_over: bool = Field(description="Whether there is more than the plan allows: it stays, and no more is made.")


class SubscriptionOut(Schema):
    """What is paid for."""

    status: str = Field(description="Stripe's word.", examples=["active"])
    interval: str = Field(examples=["month"])
    period_start: Moment
    period_end: Moment
    cancel_at_period_end: bool


class HeldOut(Schema):
    """The plan that the tenant has now."""

    plan: str = Field(examples=["professional"])
    title: str = Field(examples=["Professional"])
    standing: str = Field(
        description="free, trialing, active, past_due, grace, lapsed (the limits of Developer count) or contract.",
        examples=["active"],
    )
    since: Moment
    until: Moment | None = Field(description="When this standing ends by itself.")
    may_try: bool = Field(description="Whether a trial can be begun.")
    terms: TermsOut = Field(description="What counts now, agreements with you included.")
    used: list[UseOut]
    excess: list[str] = Field(description="What there is beyond the plan, in sentences: it stays.")
    subscription: SubscriptionOut | None


class EstimateOut(Schema):
    """What a month would cost on a plan, without tax."""

    plan: str = Field(examples=["enterprise"])
    currency: str = Field(examples=["usd"])
    calls: int = Field(description="That were asked about.", examples=[6_000_000])
    fixed: int = Field(description="The plan's own price in cents; of a year's a twelfth, rounded.", examples=[299_900])
    overage: int = Field(description="What calls beyond those included cost, in cents, rounded.", examples=[0])
    cents: int = Field(description="Both together.", examples=[299_900])
    refused: int = Field(description="Calls that the plan would not let through.", examples=[0])


class EstimateAsked(Schema):
    """For what."""

    plan: str = Field(max_length=40, description="The name of a plan on sale: `enterprise`.")
    interval: Literal["month", "year"] = Field(default="month", description="How the plan is paid.")
    calls: int | None = Field(
        default=None, ge=0, le=MAXIMUM_CALLS, description="Billable calls of a month; left out: what is expected."
    )


class AlertOut(Schema):
    """That so much was reached in a period."""

    period: Moment = Field(description="When it began.")
    about: str = Field(description="included (calls) or cap.", examples=["included"])
    percent: int = Field(description="50, 80 or 100.", examples=[80])
    calls: int = Field(description="Billable ones, when it was noticed.", examples=[4_000_000])
    created_at: Moment
    told_at: Moment | None = Field(description="When owners and admins were sent the mail.")


class Alerts(Page[AlertOut]):
    """Alerts, the latest first."""


class EndpointUptime(Schema):
    """One endpoint's minutes of a month."""

    id: str
    name: str = Field(examples=["Weather"])
    counted: int = Field(description="Minutes that count.", examples=[43_200])
    down: int = Field(description="Of these, minutes in which it was down.", examples=[3])


class MonthOut(Schema):
    """A month that is over."""

    month: str = Field(description="Of the calendar, UTC.", examples=["2026-10"])
    uptime: Decimal = Field(description="Of the worst endpoint, in percent.", examples=["99.9931"])
    target: Decimal | None = Field(description="What was promised, in percent; null: nothing.", examples=["99.900"])
    share: int = Field(description="What is given back, in percent of the price of that time.", examples=[0])
    credit_cents: int = Field(examples=[0])
    currency: str = Field(examples=["usd"])
    credited_at: Moment | None = Field(description="When it was put to the tenant's credit.")
    endpoints: list[EndpointUptime]


class Months(Page[MonthOut]):
    """Months of uptime, the latest first."""


@router.get("/billing/plan", response=answers(200, HeldOut), summary="Show the plan and what is used of it")
def billing_plan_show(request: ApiRequest) -> dict[str, Any]:
    actor = _payer(request)
    with tenant_context(actor.tenant.id):
        return _held(entitlement_of(actor.tenant.id))


@router.get("/billing/plans", response=answers(200, list[PlanOnSale]), summary="List the plans on sale")
def plan_list(request: ApiRequest) -> list[Any]:
    """The cheapest first, those by agreement last."""
    _payer(request)
    return plans_on_sale()


@router.get("/billing/estimate", response=answers(200, EstimateOut, 404, 422), summary="Estimate a month on a plan")
def plan_estimate(request: ApiRequest, asked: Query[EstimateAsked]) -> dict[str, Any]:
    """What a month would cost on a plan: this one as it goes, or one with so many calls."""
    actor = _payer(request)
    with tenant_context(actor.tenant.id):
        calls = expected_a_month(actor.tenant.id) if asked.calls is None else asked.calls
    found = month_on(plan_on_sale(asked.plan), calls, interval=asked.interval)
    if found is None:
        raise Refused(refusals.NOT_FOUND, "The price of this plan is by agreement.")
    said = {name: getattr(found, name) for name in ("plan", "currency", "fixed", "cents", "refused")}
    return {**said, "calls": calls, "overage": found.calls.cents}


@router.post("/billing/trial", response=answers(201, HeldOut, 409), summary="Begin the trial")
def trial_begin(request: ApiRequest) -> Status[dict[str, Any]]:
    """Professional for 14 days, once, without a card. It ends by itself."""
    actor = _payer(request)
    with tenant_context(actor.tenant.id):
        return Status(201, _held(trial_start(actor=actor)))


@router.get("/billing/alerts", response=answers(200, Alerts, 422), summary="List what was reached")
def usage_alert_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Half, four fifths and all of the calls included, and of the spending cap."""
    actor = _payer(request)
    with tenant_context(actor.tenant.id):
        return page_of(UsageAlert.objects.all(), paging, by="-created_at")


@router.get("/billing/uptime", response=answers(200, Months, 422), summary="List months of uptime")
def uptime_month_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Months that are over, each as it was written down then: it changes no more."""
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        part = page_of(UptimeMonth.objects.all(), paging, by="-month")
    return part | {"items": [_month(row) for row in part["items"]]}


def _payer(request: ApiRequest) -> Actor:
    request.auth.require(Permission.MANAGE_BILLING)
    return request.auth


def _held(held: Entitlement) -> dict[str, Any]:
    tenant_id, standing = held.tenant_id, held.standing
    running = subscription_running(tenant_id)
    names = ("limit", "used", "allowed", "is_over")
    uses = uses_of(held, period_now(tenant_id))
    return {
        "plan": held.plan.name,
        "title": held.title,
        "standing": standing,
        "since": held.since,
        "until": held.until,
        "may_try": running is None and contract_in_force(tenant_id) is None and may_try(held),
        "terms": held,
        "used": [{name: getattr(use, name) for name in names} for use in uses],
        "excess": excess_now(held),
        "subscription": running,
    }


def _month(row: UptimeMonth) -> dict[str, Any]:
    names = ("uptime", "target", "share", "credit_cents", "currency", "credited_at", "endpoints")
    return {"month": f"{row.month:%Y-%m}", **{name: getattr(row, name) for name in names}}
