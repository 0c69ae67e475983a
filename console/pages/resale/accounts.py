"""The ways to a seller's account at Stripe and back. No transaction is open meanwhile: each service opens its own."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.resale.accounts import seller_connect, seller_dashboard, seller_disconnect, seller_refresh
from billing.resale.selectors import seller_account
from console.access import MemberRequest, member
from console.forms import OF_INPUT
from console.leaving import leave_page
from console.pages.resale.forms import CountryForm
from console.pages.resale.telling import told
from console.rendering import page
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Permission

ASKED_THERE = "Stripe asks there who you are and where your money goes. You come back by yourself."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def connect(request: MemberRequest) -> HttpResponse:
    """Asks for the country, once, and leads to Stripe; where an account is there already, leads on to it."""
    tenant = request.actor.tenant
    with tenant_context(tenant.id):
        known = seller_account()
    form = CountryForm(_asked(request, known.country if known else ""))
    if form.is_valid():
        try:
            return _to_stripe(request, form.cleaned_data["country"])
        except Refused as refused:
            if refused.refusal not in OF_INPUT:
                return told(request, refused)
            form.refuse(refused)
    with tenant_context(tenant.id):
        return page(request, "resale/connect.html", {"form": form}, status=form.status)


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING, holds_context=False)
def resume(request: MemberRequest) -> HttpResponse:
    """Where Stripe sends those whose page of it has closed: back to the button that opens another."""
    messages.info(request, "Stripe's page had closed. Go on there.")
    return redirect("resale", request.actor.tenant.slug)


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING, holds_context=False)
def returned(request: MemberRequest) -> HttpResponse:
    """Back from Stripe: what it knows now is asked for at once."""
    try:
        account = seller_refresh(actor=request.actor)
    except Refused as refused:
        return told(request, refused)
    if account.can_sell:
        messages.success(request, "You can sell now.")
    return redirect("resale", request.actor.tenant.slug)


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def dashboard(request: MemberRequest) -> HttpResponse:
    """Leads to where payouts are, and what buyers dispute."""
    try:
        return leave_page(request, seller_dashboard(actor=request.actor), ASKED_THERE)
    except Refused as refused:
        return told(request, refused)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def disconnect(request: MemberRequest) -> HttpResponse:
    """Asks once, then sells nothing more through the account."""
    tenant = request.actor.tenant
    if request.method == "POST":
        return _done(request, lambda: seller_disconnect(actor=request.actor), "The account is disconnected.")
    with tenant_context(tenant.id):
        if seller_account() is None:
            return redirect("resale", tenant.slug)
        return page(request, "resale/disconnect.html", {})


def _asked(request: MemberRequest, country: str) -> dict[str, str] | None:
    if request.method != "POST":
        return None
    return {"country": country or request.POST.get("country", "")}


def _to_stripe(request: MemberRequest, country: str) -> HttpResponse:
    slug = request.actor.tenant.slug
    url = seller_connect(
        actor=request.actor,
        country=country,
        return_url=settings.CONSOLE_URL + reverse("resale_returned", args=[slug]),
        refresh_url=settings.CONSOLE_URL + reverse("resale_resume", args=[slug]),
    )
    return leave_page(request, url, ASKED_THERE)


def _done(request: MemberRequest, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        return told(request, refused)
    messages.success(request, said)
    return redirect("resale", request.actor.tenant.slug)
