"""Reconciling: what no webhook told is found all the same, since Stripe lists its events and what customers have."""

import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import stripe
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.stripe.client import is_passing, stripe_client
from billing.stripe.families import WANTED_EVENTS
from billing.stripe.fetched import FetchedSubscription, Unknown, moment
from billing.stripe.fetching import fetched_of_customer
from billing.stripe.mirror import mirror_write
from billing.stripe.models import RUNNING, StripeCursor, StripeCustomer, StripeEvent
from billing.stripe.receiving import event_store
from billing.stripe.tickets import ticket_take
from core.tenancy import tenant_context
from tenants.models import Tenant

logger = logging.getLogger(__name__)

# An event may be listed a little after others that are younger.
OVERLAP = timedelta(minutes=10)
# Stripe lists no older ones.
OLDEST = timedelta(days=30)
# Well below the time limit of a job; who is left over comes first at the next one.
SECONDS = 200.0


def reconciled() -> int:
    """Lists events and looks at customers; how many events no webhook had brought. Passes Stripe's errors."""
    missed = events_list()
    customers_reconcile()
    return missed


def events_list() -> int:
    """Stores the events since the last time that no webhook brought; how many. Passes Stripe's errors."""
    began, account = timezone.now(), _account()
    cursor = StripeCursor.objects.filter(pk=account).first()
    since = max(cursor.created, began - OLDEST) if cursor else began - OLDEST
    listed = stripe_client().v1.events.list({"created": {"gte": int((since - OVERLAP).timestamp())}, "limit": 100})
    newest, missed = since, 0
    for event in listed.auto_paging_iter():
        newest = max(newest, min(moment(event.created), began))
        if event.type in WANTED_EVENTS and not StripeEvent.objects.filter(pk=event.id).exists():
            event_store(event.to_dict(for_json=True))
            missed += 1
    # Only now: whoever is killed before lists the same again.
    StripeCursor.objects.update_or_create(pk=account, defaults={"created": newest})
    return missed


def customers_reconcile(seconds: float = SECONDS) -> int:
    """Looks at all that customers have, those first that were looked at longest ago; how many customers.

    What is wrong with one customer holds up no other; passes the errors by which Stripe is away.
    """
    ends, began, reconciled = time.monotonic() + seconds, timezone.now(), 0
    while time.monotonic() < ends and (tenant_id := _next(began)) is not None:
        try:
            customer_reconcile(tenant_id)
        except (stripe.StripeError, Unknown) as error:
            if is_passing(error):
                raise
            logger.error("The customer of tenant %s cannot be reconciled", tenant_id, exc_info=error)
        reconciled += 1
    return reconciled


def customer_reconcile(tenant_id: UUID) -> None:
    """Looks at all that one customer has, and writes it down. Passes Stripe's errors.

    A tenant that is being deleted pays for no further period, one that is gone for nothing more. What is owed stays so.
    """
    ticket = ticket_take(tenant_id)
    customer = StripeCustomer.objects.get(pk=tenant_id).stripe_id
    fetched = fetched_of_customer(customer)
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        if tenant is not None:
            mirror_write(tenant_id=tenant_id, ticket=ticket, fetched=fetched)
    if tenant is None or tenant.is_being_deleted:
        _end(fetched.subscriptions, ticket, at_once=tenant is None)


def _end(subscriptions: Sequence[FetchedSubscription], ticket: int, *, at_once: bool) -> None:
    """Ends what runs; the events of that are told like any others."""
    client = stripe_client()
    for row in subscriptions:
        if row.status not in RUNNING:
            continue
        if at_once:
            client.v1.subscriptions.cancel(row.stripe_id, {"invoice_now": True})
        elif not row.cancel_at_period_end:
            # By the look that found it so: whoever takes it back at Stripe meanwhile is contradicted at the next one.
            key = f"subscription-{row.stripe_id}-deletion-{ticket}"
            client.v1.subscriptions.update(row.stripe_id, {"cancel_at_period_end": True}, {"idempotency_key": key})


def _next(began: datetime) -> UUID | None:
    """A customer that was not looked at since `began`, noted as looked at."""
    with transaction.atomic():
        rows = StripeCustomer.objects.filter(Q(reconciled_at=None) | Q(reconciled_at__lt=began))
        row = rows.order_by(F("reconciled_at").asc(nulls_first=True)).select_for_update(skip_locked=True).first()
        if row is None:
            return None
        StripeCustomer.objects.filter(pk=row.pk).update(reconciled_at=timezone.now())
    return row.pk


def _account() -> str:
    """Which account it is, by its key, which is not kept."""
    return hashlib.sha256(settings.STRIPE_API_KEY.encode()).hexdigest()
