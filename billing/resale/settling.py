"""Doing what purchases wait for: ending them at Stripe, telling their buyers. Opens contexts of its own.

Whoever dies with one leaves it to another after a while; each act may be done twice.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import stripe
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing.ledger.summing import sum_due
from billing.money import exactly
from billing.resale.directory import inside
from billing.resale.due import due_done
from billing.resale.mails import managing_link, payment_failed_mail, purchase_ended_mail, receipt_mail
from billing.resale.models import (
    STANDING,
    DueWhat,
    Offer,
    OfferKind,
    Purchase,
    PurchaseDue,
    PurchaseReportDue,
    PurchaseStanding,
)
from billing.resale.purchases import purchase_refresh
from billing.resale.tokens import token_of
from billing.resale.usage import purchase_reports_send
from billing.stripe.client import is_gone, is_passing, stripe_client
from core.jitter import jittered
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Tenant

logger = logging.getLogger(__name__)

HERE = [what for what in DueWhat if what != DueWhat.PUBLISH]
HELD = timedelta(minutes=2)
MOST = 200
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 3_600.0


def purchases_settle(now: datetime | None = None) -> int:
    """Does what is due at `now`; how much of it was begun."""
    now = now or timezone.now()
    for begun in range(MOST):
        due = _next(now)
        if due is None:
            return begun
        try:
            done = _settle(due)
        except (stripe.StripeError, Refused) as error:
            log = logger.warning if isinstance(error, Refused) or is_passing(error) else logger.exception
            log("%s of purchase %s is tried again: %s", due.what, due.purchase_id, error)
            done = False
        if done:
            due_done(due)
        else:
            pause = jittered(min(FIRST_PAUSE * 2.0 ** min(due.tries, 10), LONGEST_PAUSE))
            rows = PurchaseDue.objects.filter(purchase_id=due.purchase_id, what=due.what, mark=due.mark)
            rows.update(due_at=now + timedelta(seconds=pause))
    return MOST


def _next(now: datetime) -> PurchaseDue | None:
    """Something that is due, held against everybody else for a while."""
    with transaction.atomic():
        rows = PurchaseDue.objects.filter(due_at__lte=now, what__in=HERE).order_by("due_at")
        due = rows.select_for_update(skip_locked=True).first()
        if due is not None:
            held = PurchaseDue.objects.filter(purchase_id=due.purchase_id, what=due.what)
            held.update(due_at=now + HELD, tries=F("tries") + 1)
    return due


def _settle(due: PurchaseDue) -> bool:
    """Whether it is done with."""
    with tenant_context(due.tenant_id):
        tenant = Tenant.objects.first()
        purchase = Purchase.objects.select_related("offer").filter(pk=due.purchase_id).first()
        token = token_of(purchase) if purchase else ""
    if tenant is None or purchase is None:
        return True
    if due.what == DueWhat.END:
        return _end(purchase)
    return _TELL[DueWhat(due.what)](tenant, purchase, token)


def _end(purchase: Purchase) -> bool:
    if purchase.standing == PurchaseStanding.OPENED:
        return _close(purchase)
    if purchase.standing not in STANDING or not purchase.subscription_id or not purchase.end_reason:
        return True
    if purchase.offer.kind == OfferKind.PER_CALL:
        # What was called is billed with the last invoice.
        sum_due(purchase.tenant_id)
        PurchaseReportDue.objects.filter(tenant_id=purchase.tenant_id).update(due_at=timezone.now())
        purchase_reports_send(tenant_id=purchase.tenant_id)
    try:
        stripe_client().v1.subscriptions.cancel(
            purchase.subscription_id, {"invoice_now": True, "prorate": False}, inside(purchase.account_id)
        )
    except stripe.InvalidRequestError as error:
        if not is_gone(error):
            raise
    return purchase_refresh(purchase).standing == PurchaseStanding.ENDED


def _close(purchase: Purchase) -> bool:
    """Closes a page of Checkout, unless somebody paid there meanwhile: then that counts."""
    if purchase.checkout_id:
        try:
            stripe_client().v1.checkout.sessions.expire(purchase.checkout_id, None, inside(purchase.account_id))
        except stripe.InvalidRequestError:
            logger.info("the page of purchase %s was closed already", purchase.pk)
        return purchase_refresh(purchase).standing != PurchaseStanding.OPENED
    with tenant_context(purchase.tenant_id):
        # Whoever was about to make a page is told that it is no longer on sale, once it is there.
        rows = Purchase.objects.filter(pk=purchase.pk, checkout_id="", expires_at__lte=timezone.now())
        return bool(rows.update(standing=PurchaseStanding.ENDED, ended_at=timezone.now()))


def _receipt(tenant: Tenant, purchase: Purchase, token: str) -> bool:
    offer = purchase.offer
    return receipt_mail(
        to=purchase.email, seller=tenant.name, offer=offer.name, price=price_in_words(offer),
        link=managing_link(tenant.slug, offer.slug, token),
    )  # fmt: skip


def price_in_words(offer: Offer) -> str:
    """What it costs: `$5.00 a month`, `$0.0005 a call; calls that fail are free`."""
    price = exactly(offer.amount, offer.currency)
    return f"{price} a month" if offer.kind == OfferKind.MONTHLY else f"{price} a call; calls that fail are free"


def _failed(tenant: Tenant, purchase: Purchase, token: str) -> bool:
    if purchase.standing not in {PurchaseStanding.PAST_DUE, PurchaseStanding.UNPAID}:
        return True  # it was paid meanwhile
    link = managing_link(tenant.slug, purchase.offer.slug, token)
    return payment_failed_mail(to=purchase.email, seller=tenant.name, offer=purchase.offer.name, link=link)


def _ended(tenant: Tenant, purchase: Purchase, _token: str) -> bool:
    return purchase_ended_mail(
        to=purchase.email, seller=tenant.name, offer=purchase.offer.name, reason=purchase.end_reason
    )


_TELL: dict[DueWhat, Callable[[Tenant, Purchase, str], bool]] = {
    DueWhat.TELL_BEGUN: _receipt,
    DueWhat.TELL_FAILED: _failed,
    DueWhat.TELL_ENDED: _ended,
}
