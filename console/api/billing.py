"""What calls cost: the present period, what is expected of it, and the tenant's spending cap."""

from typing import Any

from ninja import Router, Schema, Status
from pydantic import Field

from billing.metering.caps import cap_remove, cap_set
from billing.metering.models import SpendingCap
from billing.metering.outlook import outlook
from billing.plans.models import MAXIMUM_CENTS
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Permission

router = Router(tags=["Billing"])


class CallsCost(Schema):
    """What calls of a period cost."""

    calls: int = Field(description="That ended well. Failed calls and refusals are free.")
    included: int = Field(description="Of these, how many cost nothing.")
    beyond: int = Field(description="Of these, how many are billed each.")
    cents: int = Field(description="What those cost together, in cents; halves are rounded up.")


class PlanCost(Schema):
    """A month of such use on another plan."""

    plan: str
    currency: str
    cents: int = Field(description="The plan's price and the calls beyond those that it includes.")
    refused: int = Field(description="Calls that the plan would not let through.")


class PeriodOut(Schema):
    """The period that calls are billed in now."""

    since: Moment
    until: Moment
    currency: str
    used: CallsCost
    expected: CallsCost = Field(description="By the end of the period, by what is usual at each hour of the week.")
    plans: list[PlanCost]


class CapIn(Body):
    """What may be spent in a period on calls beyond those included."""

    cents: int = Field(ge=0, le=MAXIMUM_CENTS, description="In cents of the plan's currency.")
    is_hard: bool = Field(description="Whether further calls are refused; else it is told of and nothing else.")


class CapOut(Schema):
    """The same."""

    cents: int
    is_hard: bool


@router.get("/billing/period", response=answers(200, PeriodOut), summary="Show what is billed and expected")
def period_show(request: ApiRequest) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        found = outlook(request.auth.tenant.id)
    period = found.period
    return {
        "since": period.since,
        "until": period.until,
        "currency": period.currency,
        "used": found.cost,
        "expected": found.expected,
        "plans": found.plans,
    }


@router.get("/billing/cap", response=answers(200, CapOut, 404), summary="Show the spending cap")
def cap_show(request: ApiRequest) -> SpendingCap:
    request.auth.require(Permission.MANAGE_BILLING)
    with tenant_context(request.auth.tenant.id):
        cap = SpendingCap.objects.first()
    if cap is None:
        raise Refused(refusals.NOT_FOUND, "There is no cap.")
    return cap


@router.put("/billing/cap", response=written(200, CapOut), summary="Set the spending cap")
def cap_change(request: ApiRequest, payload: CapIn) -> SpendingCap:
    return cap_set(actor=request.auth, cents=payload.cents, is_hard=payload.is_hard)


@router.delete("/billing/cap", response=answers(204, None), summary="Take the spending cap away")
def cap_delete(request: ApiRequest) -> Status[None]:
    cap_remove(actor=request.auth)
    return Status(204, None)
