"""Keys of buyers: one that works for each purchase, served while that stands. Each opens contexts of its own."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.resale.due import due_done
from billing.resale.models import DueWhat, Offer, Purchase, PurchaseDue, PurchaseKey
from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint
from mcp_runtime.services.publish import publish
from tenants.validation import cleaned

# Longer than publishing takes: whoever dies with one leaves it to another then.
HELD = timedelta(minutes=1)
MOST = 200
_NAME = 80


def purchase_key_issue(purchase: Purchase) -> tuple[AccessKey, str]:
    """A new key for a purchase, in place of the one before, and its secret, which cannot be shown again.

    It is for the offer's endpoint and tools, and works while the purchase stands. Raises Refused: CONFLICT for a
    purchase that does not stand, NOT_FOUND where the endpoint is gone.
    """
    with tenant_context(purchase.tenant_id):
        offer = Offer.objects.get(pk=purchase.offer_id)
        endpoint = _held(offer.endpoint_id)
        if endpoint is None:
            raise Refused(refusals.NOT_FOUND, "The seller deleted what it sold.")
        if not Purchase.objects.get(pk=purchase.pk).is_served:
            raise Refused(refusals.CONFLICT, "This purchase is not paid, or over: there is no key for it.")
        _of(purchase.pk).update(revoked_at=timezone.now())
        issued = keys.issue(keys.ACCESS_KEY)
        row = AccessKey(
            tenant_id=purchase.tenant_id,
            endpoint=endpoint,
            name=f"Purchase of {offer.name}"[:_NAME],
            prefix=issued.prefix,
            digest=issued.digest,
            tools=offer.tools,
            purchase_id=purchase.pk,
        )
        cleaned(row).save(force_insert=True)
        PurchaseKey.objects.create(tenant_id=purchase.tenant_id, principal=f"key:{row.pk}", purchase_id=purchase.pk)
        publish(endpoint)
    return row, issued.secret


def purchase_key_of(purchase: Purchase) -> AccessKey | None:
    """The key of a purchase, unless it was revoked; whether it works is the purchase's standing."""
    with tenant_context(purchase.tenant_id):
        return _of(purchase.pk).order_by("-created_at").first()


def purchase_key_revoke(purchase: Purchase) -> None:
    """Ends the key of a purchase without another one, for whoever lost it."""
    with tenant_context(purchase.tenant_id):
        offer = Offer.objects.get(pk=purchase.offer_id)
        endpoint = _held(offer.endpoint_id)
        if endpoint is not None and _of(purchase.pk).update(revoked_at=timezone.now()):
            publish(endpoint)


def purchases_publish() -> int:
    """Publishes the endpoints of purchases whose standing changed, and forgets that; of how many purchases."""
    for published in range(MOST):
        due = _next()
        if due is None:
            return published
        with tenant_context(due.tenant_id):
            _publish(due.purchase_id)
            due_done(due)
    return MOST


def _publish(purchase_id: UUID) -> None:
    offer = Offer.objects.filter(purchases=purchase_id).first()
    endpoint = _held(offer.endpoint_id) if offer else None
    if endpoint is not None and _of(purchase_id).exists():
        publish(endpoint)


def _next() -> PurchaseDue | None:
    now = timezone.now()
    with transaction.atomic():
        rows = PurchaseDue.objects.filter(due_at__lte=now, what=DueWhat.PUBLISH).order_by("due_at")
        due = rows.select_for_update(skip_locked=True).first()
        if due is not None:
            PurchaseDue.objects.filter(purchase_id=due.purchase_id, what=due.what).update(due_at=now + HELD)
    return due


def _held(endpoint_id: UUID) -> Endpoint | None:
    return Endpoint.objects.select_for_update().filter(pk=endpoint_id).first()


def _of(purchase_id: UUID) -> QuerySet[AccessKey]:
    return AccessKey.objects.filter(purchase_id=purchase_id, revoked_at=None)
