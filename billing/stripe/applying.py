"""Applying events: each once, however often, late or out of order it came, and whoever is killed meanwhile.

Who applies an event holds it for a while, asks Stripe how things stand now, and writes that down together with the
event's own state in one transaction. Whoever dies before that leaves nothing behind but the hold, which runs out.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from billing.resale import fetching
from billing.resale.directory import seller_of
from billing.resale.models import ConnectedAccount
from billing.resale.writing import seller_written
from billing.stripe.client import is_gone, is_passing
from billing.stripe.customers import customer_adopt, tenant_of
from billing.stripe.families import Family, family_of
from billing.stripe.fetching import customer_of, fetched_for
from billing.stripe.mirror import mirror_write
from billing.stripe.models import WAITING, EventState, StripeEvent
from billing.stripe.tickets import ticket_take
from core.tenancy import tenant_context
from tenants.models import Tenant

logger = logging.getLogger(__name__)

# Longer than all requests of one event mostly take: whoever dies with one leaves it to another then. Two that apply the
# same one, since Stripe is slow, do no harm.
HELD = timedelta(seconds=30)
# Of an event that fails by itself, and not because Stripe was away: with the pauses below, three hours.
MAXIMUM_TRIES = 8
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
# An unknown customer of an account that others use too stays unknown.
PARKED_FOR = timedelta(days=3)
MAXIMUM_AT_ONCE = 200
# Stripe lists events for as long.
KEPT = timedelta(days=30)


class _Parked(Exception):
    """The event's customer is not known, or not yet."""


def event_apply(event_id: str) -> bool:
    """Applies one event if it waits and nobody has it; whether it had it."""
    event = _held(_due().filter(pk=event_id))
    if event is not None:
        _apply(event)
    return event is not None


def events_apply(maximum: int = MAXIMUM_AT_ONCE) -> int:
    """Applies the events that are due, the longest due first, until Stripe is away; how many it had."""
    for had in range(maximum):
        event = _held(_due())
        if event is None or not _apply(event):
            return had
    return maximum


def event_replay(event_id: str) -> bool:
    """Has an event, whatever became of it, be applied anew; whether there is such an event that means something."""
    rows = StripeEvent.objects.filter(pk=event_id).exclude(state=EventState.IGNORED, error="")
    return bool(
        rows.update(state=EventState.RECEIVED, tries=0, error="", next_try=timezone.now()) and event_apply(event_id)
    )


def events_forget() -> int:
    """Deletes what is done with and no longer listed by Stripe either; how many events."""
    done = StripeEvent.objects.filter(received_at__lt=timezone.now() - KEPT).exclude(state__in=WAITING)
    return done.delete()[0]


def _waiting() -> QuerySet[StripeEvent]:
    return StripeEvent.objects.filter(state__in=WAITING)


def _due() -> QuerySet[StripeEvent]:
    return _waiting().filter(next_try__lte=timezone.now())


def _held(rows: QuerySet[StripeEvent]) -> StripeEvent | None:
    """One of them, held against everybody else. What was tried too often is dead, and not handed out."""
    with transaction.atomic():
        event = rows.select_for_update(skip_locked=True).order_by("next_try").first()
        if event is None:
            return None
        if event.tries >= MAXIMUM_TRIES:
            # Nobody was left to say why: it took its process with it each time.
            _mark(event, EventState.DEAD, event.error or "It was begun too often and never finished.")
            return None
        StripeEvent.objects.filter(pk=event.pk).update(tries=F("tries") + 1, next_try=timezone.now() + HELD)
    event.tries += 1
    return event


def _apply(event: StripeEvent) -> bool:
    """Whether it is worth going on with another one."""
    try:
        _do(event)
    except _Parked:
        _park(event)
    except Exception as error:  # noqa: BLE001  whatever one event does, the others go on; it is told and kept
        _failed(event, error)
        return not is_passing(error)
    return True


def _do(event: StripeEvent) -> None:
    family, about = family_of(event.type), event.payload["data"]["object"]
    if family is None:
        _mark(event, EventState.IGNORED)
        return
    if account := event.account or (about.get("account") if family is Family.FEE else ""):
        _write_seller(event, account, family, about)
        return
    customer = event.customer or customer_of(family, about)
    if not customer:
        _mark(event, EventState.IGNORED, "It is of no customer.")
        return
    tenant_id = tenant_of(customer) or customer_adopt(customer)
    if tenant_id is None:
        StripeEvent.objects.filter(pk=event.pk).update(customer=customer)
        raise _Parked
    _write(event, tenant_id, family, about)


def _write(event: StripeEvent, tenant_id: UUID, family: Family, about: dict[str, Any]) -> None:
    ticket = ticket_take(tenant_id)
    fetched = fetched_for(family, about)
    _written(event, tenant_id, partial(mirror_write, tenant_id=tenant_id, ticket=ticket, fetched=fetched))


def _write_seller(event: StripeEvent, account: str, family: Family, about: dict[str, Any]) -> None:
    tenant_id = seller_of(account)
    if tenant_id is None:
        _mark(event, EventState.IGNORED, "Its account is not connected any more.")
        return
    ticket = ticket_take(tenant_id, of=ConnectedAccount)
    fetched = fetching.fetched_for(account, family, about)
    _written(event, tenant_id, partial(seller_written, tenant_id, ticket, account, fetched))


def _written(event: StripeEvent, tenant_id: UUID, write: Callable[[], None]) -> None:
    with tenant_context(tenant_id):
        held = _waiting().select_for_update(skip_locked=True).filter(pk=event.pk).exists()
        if not held:
            return  # somebody who took longer than anybody may was faster in the end
        if not Tenant.objects.filter(pk=tenant_id).exists():
            _mark(event, EventState.IGNORED, "The tenant is gone.")
            return
        write()
        _mark(event, EventState.APPLIED)


def _park(event: StripeEvent) -> None:
    age = timezone.now() - event.received_at
    if age > PARKED_FOR:
        _mark(event, EventState.IGNORED, "Its customer is nobody's here.")
        return
    _later(event, EventState.PARKED, "Its customer is not known here yet.", tries=event.tries - 1)


def _failed(event: StripeEvent, error: Exception) -> None:
    said = f"{type(error).__name__}: {error}"[:2_000].replace("\0", "")
    if is_passing(error):
        # Not the event's fault: it is tried for as long as Stripe is away.
        _later(event, event.state, said, tries=event.tries - 1)
    elif is_gone(error):
        _mark(event, EventState.IGNORED, said)
    elif event.tries >= MAXIMUM_TRIES:
        logger.error("Stripe's event %s is given up", event.pk, exc_info=error)
        _mark(event, EventState.DEAD, said)
    else:
        logger.warning("Stripe's event %s failed: %s", event.pk, said)
        _later(event, event.state, said, tries=event.tries)


def _later(event: StripeEvent, state: str, said: str, *, tries: int) -> None:
    """In a while that grows with how long it has waited already."""
    now = timezone.now()
    pause = min(max((now - event.received_at) / 2, FIRST_PAUSE), LONGEST_PAUSE)
    StripeEvent.objects.filter(pk=event.pk, state__in=WAITING).update(
        state=state, error=said, tries=tries, next_try=now + pause
    )


def _mark(event: StripeEvent, state: EventState, said: str = "") -> None:
    StripeEvent.objects.filter(pk=event.pk, state__in=WAITING).update(state=state, error=said)
