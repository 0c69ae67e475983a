"""Webhooks: whether one is genuine, recent and ours; then it is stored, once, before anything is done with it."""

from datetime import UTC, datetime
from typing import Any

import stripe
from django.conf import settings
from django.utils import timezone

from billing.resale.directory import seller_of
from billing.stripe.client import is_live, is_set_up
from billing.stripe.families import family_of
from billing.stripe.models import EventState, StripeEvent
from core import refusals
from core.foreign_json import NotAnObject, foreign_object
from core.jobs import send_or_leave
from core.refusals import Refused

# Stripe's largest events are invoices of many lines; 256 KiB is what its own documentation bounds payloads with.
MAXIMUM_BODY_BYTES = 256 * 1024
# How old a signature may be (Stripe, "Verify webhook signatures": the libraries' default).
TOLERANCE_SECONDS = 300
APPLY = "billing.apply_stripe_event"


def webhook_receive(*, payload: bytes, signature: str) -> None:
    """Stores the event of a webhook, unless it is known, and has it applied.

    `signature` is the header `Stripe-Signature`. Raises Refused: NOT_FOUND where no account is set up,
    BODY_TOO_LARGE, and WEBHOOK_REFUSED for what is forged, too old, unreadable, or of another account or mode.
    """
    if not is_set_up():
        raise Refused(refusals.NOT_FOUND)
    if len(payload) > MAXIMUM_BODY_BYTES:
        raise Refused(refusals.BODY_TOO_LARGE)
    _verify(payload, signature)
    event = _decoded(payload)
    account = event.get("account")
    if account and (not isinstance(account, str) or seller_of(account) is None):
        raise Refused(refusals.WEBHOOK_REFUSED, "This event is of another account.")
    event_store(event)


def event_store(event: dict[str, Any]) -> None:
    """Stores an event, unless it is known, and has it applied. Raises Refused(WEBHOOK_REFUSED) for one that is none."""
    row = _row(event)
    if row.livemode != is_live():
        raise Refused(refusals.WEBHOOK_REFUSED, "This event is of the other mode: live or test.")
    StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    if row.state == EventState.RECEIVED:
        send_or_leave(APPLY, (row.pk,))


def _verify(payload: bytes, signature: str) -> None:
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    raise Refused(refusals.WEBHOOK_REFUSED, "The signature is not ours, or too old.")


def _decoded(payload: bytes) -> dict[str, Any]:
    try:
        event: dict[str, Any] = _storable(foreign_object(payload))
    except (NotAnObject, RecursionError):
        raise Refused(refusals.WEBHOOK_REFUSED, "This is no event.") from None
    return event


def _storable(value: Any) -> Any:
    """The same without null characters, which PostgreSQL has no place for."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_storable(member) for member in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(member) for name, member in value.items()}
    return value


def _row(event: dict[str, Any]) -> StripeEvent:
    try:
        about, created = event["data"]["object"], datetime.fromtimestamp(event["created"], UTC)
        row = StripeEvent(
            id=_text(event["id"]),
            type=_text(event["type"]),
            created=created,
            api_version=_text(event.get("api_version") or "", 60),
            livemode=event["livemode"] is True,
            account=_text(event.get("account") or ""),
            customer=_text(_customer(about)),
            payload=event,
            # Due at once, also by a clock that is late.
            next_try=min(created, timezone.now()),
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError, AttributeError):
        raise Refused(refusals.WEBHOOK_REFUSED, "This is no event.") from None
    if family_of(row.type) is None:
        row.state = EventState.IGNORED
    return row


def _customer(about: dict[str, Any]) -> str:
    if about.get("object") == "customer":
        return str(about["id"])
    customer = about.get("customer") or ""
    return str(customer["id"]) if isinstance(customer, dict) else customer


def _text(value: object, longest: int = 255) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError
    return value
