"""Writing down what was found in a seller's account, and what follows: one transaction, and one way for all.

Runs inside the tenant's context. Whoever writes holds the seller's row, so that what is compared stays true.
"""

from dataclasses import asdict
from uuid import UUID

from django.utils import timezone

from billing.resale.directory import seller_held
from billing.resale.fetched import FetchedAccount
from billing.resale.models import SellerAccount


def account_written(tenant_id: UUID, ticket: int, found: FetchedAccount) -> None:
    """Stores how the account stands, unless something later is known."""
    seller_held()
    rows = SellerAccount.objects.filter(tenant_id=tenant_id, account_id=found.account_id, guard__lt=ticket)
    if found.is_gone:
        rows.update(guard=ticket, charges_enabled=False, payouts_enabled=False, disconnected_at=timezone.now())
        return
    values = asdict(found)
    del values["is_gone"], values["account_id"]
    rows.update(guard=ticket, **values | {"requirements_due": list(found.requirements_due)})
