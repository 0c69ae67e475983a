"""Reconciling sellers: what no webhook told is found all the same, since Stripe lists what is in their accounts."""

import logging
import time
from datetime import datetime, timedelta
from uuid import UUID

import stripe
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.ledger.summing import lock_sums
from billing.resale.directory import inside
from billing.resale.ending import seller_end
from billing.resale.fetched import FetchedSeller
from billing.resale.fetching import purchase_fetched, seller_fetched
from billing.resale.models import STANDING, ConnectedAccount, Purchase, PurchaseStanding
from billing.resale.usage import purchase_reports_derive
from billing.resale.writing import seller_written
from billing.stripe.client import is_passing, stripe_client
from billing.stripe.tickets import ticket_take
from core.tenancy import tenant_context
from tenants.models import Tenant

logger = logging.getLogger(__name__)

# Well below the time limit of a job; who is left over comes first at the next one.
SECONDS = 200.0
# How far back hours are compared with what was reported; Stripe takes nothing older.
LOOKED_BACK = timedelta(days=34)


def sellers_reconcile(seconds: float = SECONDS) -> int:
    """Looks at all sellers, those first that were looked at longest ago; how many.

    What is wrong with one holds up no other; passes the errors by which Stripe is away.
    """
    ends, began, reconciled = time.monotonic() + seconds, timezone.now(), 0
    while time.monotonic() < ends and (tenant_id := _next(began)) is not None:
        try:
            seller_reconcile(tenant_id)
        except stripe.StripeError as error:
            if is_passing(error):
                raise
            logger.error("The seller account of tenant %s cannot be reconciled", tenant_id, exc_info=error)
        reconciled += 1
    return reconciled


def seller_reconcile(tenant_id: UUID) -> None:
    """Looks at all that is in one seller's account, and writes it down. Passes Stripe's errors.

    What a tenant sold that is being deleted, or gone, is ended.
    """
    ticket = ticket_take(tenant_id, of=ConnectedAccount)
    account_id = ConnectedAccount.objects.values_list("account_id", flat=True).get(tenant_id=tenant_id)
    found = seller_fetched(account_id)
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        if tenant is not None:
            seller_written(tenant_id, ticket, account_id, found)
            open_ones = list(Purchase.objects.filter(standing=PurchaseStanding.OPENED, account_id=account_id))
            lock_sums(tenant_id)
            purchase_reports_derive(since=timezone.now() - LOOKED_BACK, until=timezone.now() + timedelta(days=1))
        if tenant is not None and tenant.is_being_deleted:
            seller_end()
    if tenant is None:
        _end(account_id, found)
    else:
        _look_at_open(tenant_id, account_id, open_ones)


def sellers_end() -> int:
    """Ends what tenants sold that are being deleted, without waiting for the next look; of how many sellers."""
    ended = 0
    for tenant_id in list(ConnectedAccount.objects.values_list("tenant_id", flat=True)):
        with tenant_context(tenant_id):
            if Tenant.objects.exclude(delete_after=None).exists():
                seller_end()
                ended += 1
    return ended


def _look_at_open(tenant_id: UUID, account_id: str, open_ones: list[Purchase]) -> None:
    """Whether pages were closed or paid of which nobody told; what never had one ends with its time."""
    now = timezone.now()
    for purchase in open_ones:
        ticket = ticket_take(tenant_id, of=ConnectedAccount)
        found = purchase_fetched(account_id, checkout=purchase.checkout_id, subscription="")
        with tenant_context(tenant_id):
            seller_written(tenant_id, ticket, account_id, found)
            never_had_one = Purchase.objects.filter(pk=purchase.pk, checkout_id="", subscription_id="")
            never_had_one.filter(standing=PurchaseStanding.OPENED, expires_at__lte=now).update(
                standing=PurchaseStanding.ENDED, ended_at=now
            )


def _end(account_id: str, found: FetchedSeller) -> None:
    """Ends what runs for a tenant that is gone, of which nothing else is left here."""
    for purchase in found.purchases:
        if purchase.standing in STANDING:
            stripe_client().v1.subscriptions.cancel(purchase.subscription_id, {"invoice_now": True}, inside(account_id))
    ConnectedAccount.objects.filter(pk=account_id).delete()


def _next(began: datetime) -> UUID | None:
    """A seller that was not looked at since `began`, noted as looked at."""
    with transaction.atomic():
        rows = ConnectedAccount.objects.filter(Q(reconciled_at=None) | Q(reconciled_at__lt=began))
        row = rows.order_by(F("reconciled_at").asc(nulls_first=True)).select_for_update(skip_locked=True).first()
        if row is None:
            return None
        ConnectedAccount.objects.filter(pk=row.pk).update(reconciled_at=timezone.now())
    return row.tenant_id
