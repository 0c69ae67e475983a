"""What is asked about resale. Each runs inside the seller's context."""

from django.db.models import QuerySet

from billing.resale.models import Offer, Purchase, PurchaseStanding, SellerAccount
from core import refusals
from core.refusals import Refused
from tenants.models.tenant import is_slug


def seller_account() -> SellerAccount | None:
    """The tenant's account at Stripe, as it was last looked at; None where it was never begun."""
    return SellerAccount.objects.first()


def offers() -> QuerySet[Offer]:
    """All offers, the latest made first."""
    return Offer.objects.order_by("-created_at", "slug")


def offer_by_slug(slug: str) -> Offer:
    """One of them. Raises Refused(NOT_FOUND)."""
    found = Offer.objects.filter(slug=slug).first() if is_slug(slug) else None
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def purchases(offer: Offer) -> QuerySet[Purchase]:
    """What was bought of an offer, the latest first; not what nobody paid."""
    rows = Purchase.objects.filter(offer=offer).exclude(began_at=None, standing__in=_NEVER_PAID)
    return rows.select_related("offer").order_by("-created_at", "id")


_NEVER_PAID = (PurchaseStanding.OPENED, PurchaseStanding.ENDED)
