"""Noting what has to follow of a purchase, in the transaction that is the reason; forgetting it once done."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from billing.resale.models import DueWhat, Purchase, PurchaseDue
from core.jobs import send_or_leave

# Which job does what; `mcp_runtime` has the one that publishes.
SETTLE, PUBLISH = "billing.settle_purchases", "mcp_runtime.publish_purchases"
# Asked for by strangers: it has no row, and who got no mail asks again.
MAIL_LINKS = "billing.mail_purchase_links"
_NOW = timedelta(0)


def due_note(purchase: Purchase, what: DueWhat, *, after: timedelta = _NOW) -> None:
    """Has it follow, and asks for the job that does it on commit. The job's message may be lost: the row is swept."""
    fresh = {"tenant_id": purchase.tenant_id, "due_at": timezone.now() + after, "mark": uuid4(), "tries": 0}
    PurchaseDue.objects.update_or_create(purchase_id=purchase.pk, what=what, defaults=fresh)
    transaction.on_commit(partial(send_or_leave, PUBLISH if what == DueWhat.PUBLISH else SETTLE))


def due_done(due: PurchaseDue) -> None:
    """Forgets it, unless it was asked anew meanwhile."""
    PurchaseDue.objects.filter(purchase_id=due.purchase_id, what=due.what, mark=due.mark).delete()
