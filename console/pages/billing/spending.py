"""What this period costs so far and will, and what may be spent at most."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from billing.metering.caps import cap_remove, cap_set
from billing.metering.models import SpendingCap
from billing.metering.outlook import outlook
from billing.metering.periods import Period, period_now
from billing.money import shown
from console.access import MemberRequest, member
from console.pages.billing.forms import CapForm
from console.rendering import page
from core.tenancy import tenant_context
from tenants.access import Permission
from tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Spending:
    """Of the period that runs: calls so far and expected, what those beyond the included cost, and the cap on that.

    `on_plans` is what such a month would cost on each plan that has a price.
    """

    period: Period
    calls: int
    expected: int
    so_far: str
    forecast: str
    cap: SpendingCap | None
    cap_shown: str
    on_plans: dict[str, str]


def spending_of(tenant: Tenant) -> Spending:
    """Inside the tenant's context."""
    seen, cap = outlook(tenant.id), SpendingCap.objects.first()
    period = seen.period
    return Spending(
        period,
        seen.cost.calls,
        seen.expected.calls,
        shown(seen.cost.cents, period.currency),
        shown(seen.expected.cents, period.currency),
        cap,
        shown(cap.cents, period.currency) if cap else "",
        {each.plan: shown(each.cents, each.currency) for each in seen.plans},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def cap(request: MemberRequest) -> HttpResponse:
    """Asks what may be spent, and sets it."""
    tenant = request.actor.tenant
    with tenant_context(tenant.id):
        known, period = SpendingCap.objects.first(), period_now(tenant.id)
    initial = {"amount": known.cents / 100, "is_hard": known.is_hard} if known else None
    form = CapForm(request.POST or None, initial=initial)
    form.fields["amount"].label = f"At most in a period, in {period.currency.upper()}"
    if form.is_valid():
        with form.submitting():
            cents, is_hard = int(form.cleaned_data["amount"] * 100), form.cleaned_data["is_hard"]
            cap_set(actor=request.actor, cents=cents, is_hard=is_hard)
            messages.success(request, "The cap is set.")
            return redirect("billing", tenant.slug)
    with tenant_context(tenant.id):
        return page(request, "billing/cap.html", {"form": form, "known": known, "period": period}, status=form.status)


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def uncap(request: MemberRequest) -> HttpResponse:
    """Takes the cap away."""
    cap_remove(actor=request.actor)
    messages.success(request, "There is no cap any more.")
    return redirect("billing", request.actor.tenant.slug)
