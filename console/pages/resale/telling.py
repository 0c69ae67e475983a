"""What is refused on the seller's pages, said above the page that it concerns."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from console.access import MemberRequest
from core import refusals
from core.refusals import Refused

_TOLD = (
    refusals.CONFLICT,
    refusals.INVALID_INPUT,
    refusals.LIMIT_REACHED,
    refusals.PAYMENTS_NOT_SET_UP,
    refusals.SELLER_NOT_READY,
    refusals.TEMPORARILY_UNAVAILABLE,
)


def told(request: MemberRequest, refused: Refused, offer: str = "") -> HttpResponse:
    """Back to the page of resale, or of an offer, with what was refused; raises what belongs on a page of its own."""
    if refused.refusal not in _TOLD:
        raise refused
    messages.error(request, str(refused))
    slug = request.actor.tenant.slug
    return redirect("resale_offer", slug, offer) if offer else redirect("resale", slug)
