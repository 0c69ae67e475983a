"""Having purchases end: at Stripe where it is the platform that ends them, and here. Inside the seller's context."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from billing.resale.due import due_note
from billing.resale.models import STANDING, DueWhat, Offer, OfferState, Purchase, PurchaseStanding

ENDPOINT_GONE = "The seller deleted what it sold."
TENANT_GONE = "The seller left the platform."


def offers_end(endpoint_id: UUID) -> None:
    """Withdraws what is sold of an endpoint that is about to be deleted, and ends what was bought of it."""
    _end(Offer.objects.filter(endpoint_id=endpoint_id), ENDPOINT_GONE)


def seller_end() -> None:
    """The same of everything, for a tenant that is being deleted. What was ended does not come back with it."""
    _end(Offer.objects.all(), TENANT_GONE)


def _end(offers: QuerySet[Offer], reason: str) -> None:
    offers.filter(state=OfferState.ON_SALE).update(state=OfferState.WITHDRAWN, withdrawn_at=timezone.now())
    wanted = (PurchaseStanding.OPENED, *STANDING)
    for purchase in Purchase.objects.filter(offer__in=offers.all(), standing__in=wanted, end_reason=""):
        Purchase.objects.filter(pk=purchase.pk).update(end_reason=reason)
        due_note(purchase, DueWhat.END)


def ended_here(purchase: Purchase, reason: str) -> None:
    """Says that a purchase is over of which Stripe tells nothing any more."""
    had_begun = purchase.began_at is not None
    Purchase.objects.filter(pk=purchase.pk).update(
        standing=PurchaseStanding.ENDED, ended_at=timezone.now(), end_reason=reason
    )
    if had_begun:
        due_note(purchase, DueWhat.PUBLISH)
        due_note(purchase, DueWhat.TELL_ENDED)
