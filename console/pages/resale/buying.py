"""The page on which anybody buys what a tenant sells. It needs no session; what is not on sale is not there."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.resale.checkout import purchase_open
from billing.resale.public import PublicOffer, offer_on_sale
from billing.stripe.client import is_simulated
from console.access import anybody
from console.leaving import leave_page
from console.pace import OFFER_SHOWN, PURCHASE_BEGUN, require_pace
from console.pages.resale.browser import token_keep
from console.pages.resale.forms import BuyForm
from console.pages.resale.prices import price_note, price_words
from core import refusals
from core.refusals import Refused
from mcp_runtime.services.offers import public_tools

# What a buyer is told on the page of the offer, and not on one of its own.
_TOLD = (
    refusals.CONFLICT,
    refusals.INVALID_INPUT,
    refusals.PAYMENTS_NOT_SET_UP,
    refusals.SELLER_NOT_READY,
    refusals.TEMPORARILY_UNAVAILABLE,
)
TYPED_THERE = "You pay {seller} there, through Stripe. Cards are typed there and never here. You come back by yourself."


@require_http_methods(["GET", "HEAD", "POST"])
@anybody
def buy(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """What is sold, by whom and for how much; a POST leads to where it is paid."""
    require_pace(request, OFFER_SHOWN)
    found = offer_for(tenant, offer)
    if request.method != "POST" and (tenant, offer) != (found.tenant_slug, found.slug):
        return redirect("buy", found.tenant_slug, found.slug)
    form = BuyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, found, form, form.status)
    require_pace(request, PURCHASE_BEGUN)
    try:
        return _to_payment(request, found, form.cleaned_data["email"])
    except Refused as refused:
        if refused.refusal not in _TOLD:
            raise
        form.refuse(refused)
        return _page(request, found, form, refused.refusal.http_status)


def offer_for(tenant: str, offer: str) -> PublicOffer:
    """What is on sale there; raises Http404 for everything else."""
    found = offer_on_sale(tenant, offer)
    if found is None:
        raise Http404
    return found


def _to_payment(request: HttpRequest, offer: PublicOffer, email: str) -> HttpResponse:
    _, token, url = purchase_open(
        tenant_id=offer.tenant_id,
        offer_slug=offer.slug,
        email=email,
        success_url=_absolute("bought_returned", offer),
        cancel_url=_absolute("buy", offer),
    )
    response = leave_page(request, url, TYPED_THERE.format(seller=offer.seller))
    token_keep(response, offer.tenant_slug, offer.slug, token)
    response["Cache-Control"] = "no-store"
    return response


def _page(request: HttpRequest, offer: PublicOffer, form: BuyForm, status: int) -> HttpResponse:
    context: dict[str, Any] = {
        "offer": offer,
        "price": price_words(offer.kind, offer.amount, offer.currency),
        "note": price_note(offer.kind, offer.amount, offer.currency),
        "tools": public_tools(offer),
        "form": form,
        "payments_are_simulated": is_simulated(),
    }
    return render(request, "resale/buy.html", context, status=status)


def _absolute(name: str, offer: PublicOffer) -> str:
    # Not the host that the request names: where somebody comes back to is ours to say.
    return settings.CONSOLE_URL + reverse(name, args=[offer.tenant_slug, offer.slug])
