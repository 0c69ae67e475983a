"""The page on which whoever holds a purchase's token manages it: connect, key, use, card, cancel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.money import exactly
from billing.resale.due import MAIL_LINKS
from billing.resale.models import OfferKind, Purchase
from billing.resale.purchases import (
    purchase_by_token,
    purchase_cancel,
    purchase_keep,
    purchase_portal,
    purchase_refresh,
)
from billing.resale.revenue import purchase_use
from billing.stripe.client import is_simulated
from console.access import anybody
from console.connecting import PLACEHOLDER, connections
from console.leaving import leave_page
from console.pace import PURCHASE_CHANGED, PURCHASE_LINK, PURCHASE_SHOWN, is_counted, require_pace
from console.pages.resale.browser import quiet, token_drop, token_keep, token_of
from console.pages.resale.forms import LinkForm
from console.pages.resale.prices import price_words
from core import refusals
from core.jobs import send_or_leave
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.services.offers import purchase_endpoint
from mcp_runtime.services.purchase_keys import purchase_key_issue, purchase_key_of
from tenants.access import tenant_id_for

LED_ON = "Your card and your invoices are there, at Stripe. You come back by yourself."
# What is told above the page, and not on a page of its own.
_TOLD = (
    refusals.CONFLICT,
    refusals.NOT_FOUND,
    refusals.PAYMENTS_NOT_SET_UP,
    refusals.SELLER_NOT_READY,
    refusals.TEMPORARILY_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a buyer is: the page of a tenant's offer, as the address names it."""

    request: HttpRequest
    tenant: str
    offer: str

    def purchase(self) -> Purchase | None:
        """What the browser's token manages, if that was bought here. Raises Refused(RATE_LIMITED)."""
        require_pace(self.request, PURCHASE_SHOWN)
        token = token_of(self.request)
        try:
            found = purchase_by_token(token) if token else None
            return found if found is not None and self._is_of(found) else None
        except Refused as refused:
            if refused.refusal is not refusals.NOT_FOUND:
                raise
            return None

    def _is_of(self, purchase: Purchase) -> bool:
        """Raises Refused(NOT_FOUND) for a tenant that there is not."""
        return purchase.offer.slug == self.offer and purchase.tenant_id == tenant_id_for(self.tenant)

    def again(self) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("bought", args=[self.tenant, self.offer]))

    def told(self, refused: Refused) -> HttpResponse:
        """Says above the page what was refused; raises what belongs on a page of its own."""
        if refused.refusal not in _TOLD:
            raise refused
        messages.error(self.request, str(refused))
        return self.again()


@quiet
@require_safe
def opened(request: HttpRequest, tenant: str, offer: str, token: str) -> HttpResponse:
    """What a mailed link opens: takes the token out of the address.

    Nothing is looked up and nothing is refused, since what is refused is logged together with its address.
    """
    answer = Place(request, tenant, offer).again()
    token_keep(answer, tenant, offer, token)
    return answer


@quiet
@require_safe
@anybody
def show(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """The purchase; or, without its token, how to have a link to it sent."""
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    return _page(place, purchase) if purchase else _stranger(place, LinkForm())


@quiet
@require_safe
@anybody
def returned(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Back from the page of payment: Stripe is asked at once how it went."""
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    if purchase is None:
        messages.info(request, "If you have paid, the link to manage it is in your mail.")
        return place.again()
    return _done(place, lambda: purchase_refresh(purchase), "")


@quiet
@require_POST
@anybody
def key(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Makes the key, or another in the place of the former. It is in the answer to this one request alone."""
    require_pace(request, PURCHASE_CHANGED)
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    if purchase is None:
        return place.again()
    try:
        _, secret = purchase_key_issue(purchase)
    except Refused as refused:
        return place.told(refused)
    return _page(place, purchase, secret)


@quiet
@require_POST
@anybody
def portal(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Leads to where the card is changed and the invoices are."""
    require_pace(request, PURCHASE_CHANGED)
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    if purchase is None:
        return place.again()
    back = settings.CONSOLE_URL + reverse("bought_returned", args=[tenant, offer])
    try:
        return leave_page(request, purchase_portal(purchase, back), LED_ON)
    except Refused as refused:
        return place.told(refused)


@quiet
@require_http_methods(["GET", "HEAD", "POST"])
@anybody
def cancel(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Asks once, then has the purchase end with what is paid."""
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    if purchase is None:
        return place.again()
    if request.method == "POST":
        require_pace(request, PURCHASE_CHANGED)
        return _done(place, lambda: purchase_cancel(purchase), "It ends with the period. Nothing more will be taken.")
    return _page(place, purchase, template="resale/bought_cancel.html")


@quiet
@require_POST
@anybody
def keep(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Takes a cancellation back."""
    require_pace(request, PURCHASE_CHANGED)
    place = Place(request, tenant, offer)
    purchase = place.purchase()
    if purchase is None:
        return place.again()
    return _done(place, lambda: purchase_keep(purchase), "It goes on as before.")


@quiet
@require_POST
@anybody
def forget(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Has this browser forget the purchase."""
    messages.info(request, "This browser has forgotten it. The link in your mail still works.")
    answer = Place(request, tenant, offer).again()
    token_drop(answer, tenant, offer)
    return answer


@quiet
@require_POST
@anybody
def link(request: HttpRequest, tenant: str, offer: str) -> HttpResponse:
    """Sends a link to whoever bought it. What is answered is the same for everybody else."""
    require_pace(request, PURCHASE_LINK)
    place, form = Place(request, tenant, offer), LinkForm(request.POST)
    if not form.is_valid():
        return _stranger(place, form)
    email = form.cleaned_data["email"]
    # A mailbox is not filled from many addresses either.
    if is_counted(PURCHASE_LINK, f"{tenant} {offer} {email.lower()}"):
        # A job, so that the time this takes tells nobody who bought what.
        send_or_leave(MAIL_LINKS, (tenant, offer, email))
    messages.success(request, "If it was bought with that address, a link is on its way there.")
    return place.again()


def _done(place: Place, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        return place.told(refused)
    if said:
        messages.success(place.request, said)
    return place.again()


def _stranger(place: Place, form: LinkForm) -> HttpResponse:
    context = {"tenant_slug": place.tenant, "offer_slug": place.offer, "form": form}
    return render(place.request, "resale/bought_link.html", context, status=form.status)


def _page(place: Place, purchase: Purchase, secret: str = "", template: str = "resale/bought.html") -> HttpResponse:
    context = _reached(purchase, secret) | {"tenant_slug": place.tenant, "offer_slug": place.offer}
    with tenant_context(purchase.tenant_id):
        offer, use = purchase.offer, purchase_use(purchase)
        context |= {
            "purchase": purchase,
            "offer": offer,
            "seller": purchase.tenant.name,
            "price": price_words(offer.kind, offer.amount, offer.currency),
            "is_per_call": offer.kind == OfferKind.PER_CALL,
            "calls": use.calls,
            "owed": exactly(use.amount, offer.currency),
            "payments_are_simulated": is_simulated(),
        }
        return render(place.request, template, context)


def _reached(purchase: Purchase, secret: str) -> dict[str, Any]:
    """How the purchase's key is used; `secret` is it, where it was made just now."""
    held, reached = purchase_key_of(purchase), purchase_endpoint(purchase)
    if reached is None:
        return {"access_key": None, "secret": "", "url": "", "connections": []}
    tenant, endpoint = reached
    return {
        "access_key": held,
        "secret": secret,
        "url": mcp_url(tenant.slug, endpoint.slug),
        "connections": connections(tenant=tenant, endpoint=endpoint, key=secret or PLACEHOLDER),
    }
