"""What a tenant sells: the offers, a new one, one with its buyers, putting it on sale and taking it off."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.resale.models import Offer, OfferState
from billing.resale.selectors import offer_by_slug, offers, purchases, seller_account
from billing.stripe.client import is_set_up
from console.access import MemberRequest, member
from console.pages.resale.forms import OfferForm, WordsForm
from console.pages.resale.prices import price_note, price_words
from console.pages.resale.revenue import splits_of
from console.pages.resale.telling import told
from console.rendering import page, rows_of
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.selectors import endpoints_matching, tools_matching
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.offers import offer_create, offer_delete, offer_put_on_sale, offer_update, offer_withdraw
from tenants.access import Permission


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING)
def index(request: MemberRequest) -> HttpResponse:
    """The account, the offers, and what this month has brought."""
    context = {
        "account": seller_account(),
        "offers": [(offer, _price(offer)) for offer in offers()],
        "splits": splits_of(timezone.now().date()),
        "takes_payments": is_set_up(),
        "fee_percent": settings.RESALE_FEE_PERCENT,
    }
    return page(request, "resale/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def create(request: MemberRequest) -> HttpResponse:
    """A new offer: of which endpoint first (`?endpoint=`), then everything else."""
    tenant, chosen = request.actor.tenant, request.GET.get("endpoint", "")
    with tenant_context(tenant.id):
        if not chosen:
            choices = [(one.slug, one.name) for one in endpoints_matching()]
            return page(request, "resale/choose.html", {"choices": choices})
        endpoint = endpoint_for(chosen)
        names = list(tools_matching(endpoint).values_list("name", flat=True))
    form = OfferForm(names, request.POST or None, initial={"name": endpoint.name, "slug": endpoint.slug})
    if form.is_valid():
        with form.submitting():
            made = offer_create(actor=request.actor, **form.wanted(endpoint.slug))
            messages.success(request, "The offer is made. Nobody sees it before you put it on sale.")
            return redirect("resale_offer", tenant.slug, made.slug)
    with tenant_context(tenant.id):
        return page(request, "resale/create.html", {"form": form, "endpoint": endpoint}, status=form.status)


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING)
def detail(request: MemberRequest, offer: str) -> HttpResponse:
    """One offer: what it is, where it is bought, and who bought it."""
    found = offer_by_slug(offer)
    context = _about(found) | {
        "rows": rows_of(request, purchases(found)),
        "address": settings.CONSOLE_URL + reverse("buy", args=[request.actor.tenant.slug, found.slug]),
        "account": seller_account(),
    }
    return page(request, "resale/offer.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def edit(request: MemberRequest, offer: str) -> HttpResponse:
    """Its name and description, which may change at any time."""
    tenant = request.actor.tenant
    with tenant_context(tenant.id):
        found = offer_by_slug(offer)
    form = WordsForm(request.POST or None, initial={"name": found.name, "description": found.description})
    if form.is_valid():
        with form.submitting():
            offer_update(actor=request.actor, slug=found.slug, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("resale_offer", tenant.slug, found.slug)
    with tenant_context(tenant.id):
        return page(request, "resale/edit.html", {"offer": found, "form": form}, status=form.status)


@require_POST
@member(Permission.MANAGE_BILLING, holds_context=False)
def put_on_sale(request: MemberRequest, offer: str) -> HttpResponse:
    """Puts a draft on sale; its price stays as it is from then on."""
    act = lambda: offer_put_on_sale(actor=request.actor, slug=offer)  # noqa: E731  # one act, told about in one place
    return _done(request, offer, act, "It is on sale. Whoever has its address can buy it.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def withdraw(request: MemberRequest, offer: str) -> HttpResponse:
    """Asks once, then sells it to nobody else."""
    tenant = request.actor.tenant
    if request.method == "POST":
        act = lambda: offer_withdraw(actor=request.actor, slug=offer)  # noqa: E731  # as above
        return _done(request, offer, act, "Nobody else can buy it. Those who did go on.")
    with tenant_context(tenant.id):
        found = offer_by_slug(offer)
        if found.state == OfferState.WITHDRAWN:
            return redirect("resale_offer", tenant.slug, found.slug)
        return page(request, "resale/withdraw.html", _about(found))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_BILLING, holds_context=False)
def delete(request: MemberRequest, offer: str) -> HttpResponse:
    """Asks once, then deletes a draft."""
    tenant = request.actor.tenant
    if request.method == "POST":
        try:
            offer_delete(actor=request.actor, slug=offer)
        except Refused as refused:
            return told(request, refused, offer)
        messages.success(request, "The draft is deleted.")
        return redirect("resale", tenant.slug)
    with tenant_context(tenant.id):
        return page(request, "resale/delete.html", {"offer": offer_by_slug(offer)})


def _done(request: MemberRequest, offer: str, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        return told(request, refused, offer)
    messages.success(request, said)
    return redirect("resale_offer", request.actor.tenant.slug, offer)


def _about(offer: Offer) -> dict[str, Any]:
    """Inside the tenant's context."""
    return {
        "offer": offer,
        "price": _price(offer),
        "note": price_note(offer.kind, offer.amount, offer.currency),
        "endpoint": Endpoint.objects.filter(pk=offer.endpoint_id).first(),
    }


def _price(offer: Offer) -> str:
    return price_words(offer.kind, offer.amount, offer.currency)
