"""The ways to Stripe and back. No transaction is open meanwhile: each service opens the tenant's context itself."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.entitlements import entitlement_of
from billing.money import exactly, shown
from billing.plans.models import DEVELOPER, PlanVersion
from billing.plans.selling import plan_on_sale
from billing.stripe.catalogue_names import Interval
from billing.stripe.checkout import checkout_begin
from billing.stripe.models import CheckoutState
from billing.stripe.portal import portal_open
from billing.stripe.returning import checkout_look
from billing.stripe.subscriptions import (
    subscription_cancel,
    subscription_change,
    subscription_preview,
    subscription_reactivate,
    subscription_running,
)
from console.access import MemberRequest, member
from console.excess import excess_of, lost_by
from console.leaving import leave_page
from console.pages.billing.views import interval_of
from console.rendering import page
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Permission

TYPED_THERE = "Cards are typed there and never here. You come back by yourself."
# What is said above the page of billing, and not on a page of its own.
_TOLD = (
    refusals.CONFLICT,
    refusals.NOT_FOUND,
    refusals.CARD_REFUSED,
    refusals.PAYMENTS_NOT_SET_UP,
    refusals.TEMPORARILY_UNAVAILABLE,
)


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def choose(request: MemberRequest) -> HttpResponse:
    """A plan was chosen: leads to the page on which it is paid, or asks once where a subscription changes."""
    plan, interval = request.POST.get("plan", ""), interval_of(request.POST.get("by", ""))
    actor = request.actor
    with tenant_context(actor.tenant.id):
        running = subscription_running(actor.tenant.id)
    if running is not None:
        address = reverse("billing_change", args=[actor.tenant.slug])
        return redirect(f"{address}?{_query(plan, interval)}")
    try:
        back = request.build_absolute_uri(reverse("billing_returned", args=[actor.tenant.slug]))
        return leave_page(
            request, checkout_begin(actor=actor, plan=plan, interval=interval, back_url=back), TYPED_THERE
        )
    except Refused as refused:
        return _told(request, refused)


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING, holds_context=False)
def returned(request: MemberRequest) -> HttpResponse:
    """Back from the page of payment: says how it went, which Stripe is asked at once."""
    tenant = request.actor.tenant
    try:
        state = checkout_look(tenant.id)
    except Refused as refused:
        return _told(request, refused)
    if state == CheckoutState.COMPLETE:
        with tenant_context(tenant.id):
            messages.success(request, f"You are on {entitlement_of(tenant.id).plan.title} now.")
    return redirect("billing", tenant.slug)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def change(request: MemberRequest) -> HttpResponse:
    """Says what another plan costs now, then changes to it."""
    said = request.POST if request.method == "POST" else request.GET
    plan, interval = said.get("plan", ""), interval_of(said.get("by", ""))
    try:
        chosen = plan_on_sale(plan)
        if request.method == "POST":
            subscription_change(actor=request.actor, plan=plan, interval=interval)
            messages.success(request, f"You are on {chosen.title} now.")
            return redirect("billing", request.actor.tenant.slug)
        preview = subscription_preview(actor=request.actor, plan=plan, interval=interval)
    except Refused as refused:
        return _told(request, refused)
    cents = chosen.monthly_price_cents if interval is Interval.MONTH else chosen.yearly_price_cents
    context = {
        "plan": chosen,
        "interval": interval,
        "preview": preview,
        "due": shown(abs(preview.due), preview.currency),
        "is_credit": preview.due < 0,
        "lines": [(what, shown(amount, preview.currency)) for what, amount in preview.lines],
        "price": shown(cents or 0, chosen.currency),
        "included": (chosen.calls_included or 0) * interval.months,
        "thousand": exactly(chosen.overage_millicents, chosen.currency) if chosen.overage_millicents else "",
    }
    with tenant_context(request.actor.tenant.id):
        return page(request, "billing/change.html", context | _beyond(request, chosen))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def cancel(request: MemberRequest) -> HttpResponse:
    """Asks once, then has the subscription end with what is paid."""
    tenant = request.actor.tenant
    if request.method == "POST":
        return _changed(request, lambda: subscription_cancel(actor=request.actor), "Nothing more will be taken.")
    with tenant_context(tenant.id):
        running = subscription_running(tenant.id)
        if running is None:
            return redirect("billing", tenant.slug)
        context = {"subscription": running, **_beyond(request, plan_on_sale(DEVELOPER))}
        return page(request, "billing/cancel.html", context)


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def keep(request: MemberRequest) -> HttpResponse:
    """Takes a cancellation back."""
    return _changed(request, lambda: subscription_reactivate(actor=request.actor), "The plan goes on.")


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def portal(request: MemberRequest) -> HttpResponse:
    """Leads to where cards and addresses are changed."""
    back = request.build_absolute_uri(reverse("billing", args=[request.actor.tenant.slug]))
    try:
        return leave_page(request, portal_open(actor=request.actor, back_url=back), TYPED_THERE)
    except Refused as refused:
        return _told(request, refused)


def _beyond(request: MemberRequest, plan: PlanVersion) -> dict[str, list[str]]:
    """What there is now beyond another plan, and what that would delete."""
    held = entitlement_of(request.actor.tenant.id)
    return {"excess": excess_of(plan, plan.title), "lost": lost_by(held, plan)}


def _changed(request: MemberRequest, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        return _told(request, refused)
    messages.success(request, said)
    return redirect("billing", request.actor.tenant.slug)


def _told(request: MemberRequest, refused: Refused) -> HttpResponse:
    if refused.refusal not in _TOLD:
        raise refused
    messages.error(request, str(refused))
    return redirect("billing", request.actor.tenant.slug)


def _query(plan: str, interval: Interval) -> str:
    return urlencode({"plan": plan, "by": str(interval)})
