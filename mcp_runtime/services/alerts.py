"""Alerts: who is told of changes of upstreams' states and of billing, and what. Runs inside a tenant's context."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from billing.notices import Notice
from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Alert, AlertChannel, AlertDue, AlertKind, AlertSubject, BoardState, HealthEvent
from tenants.access import Actor, Permission
from tenants.validation import cleaned, refused_fields
from tenants.vault.secrets import secrets_forget
from tenants.webhooks import require_webhook_url, webhook_forget_former, webhook_rotate

MAXIMUM_CHANNELS = 10
MAXIMUM_ADDRESSES = 20
MAXIMUM_CHANGES = 100
# What changes within so long is told together, and a channel hears at most so often.
GATHERED = timedelta(seconds=10)
AT_MOST_EVERY = timedelta(minutes=1)
_TOLD = {BoardState.DOWN, BoardState.NEEDS_LOGIN, BoardState.DENIED, BoardState.QUARANTINED}


def alerts_write(event: HealthEvent) -> None:
    """Notes for each channel of the tenant what changed, in the transaction that changed it."""
    ended = event.after == BoardState.OK and event.before in _TOLD | {BoardState.DEGRADED}
    if event.after not in _TOLD and not ended:
        return
    channels = list(AlertChannel.objects.select_for_update().order_by("pk"))
    change = _told(event) if channels else {}
    for channel in channels:
        _add(channel, AlertSubject.HEALTH, change)


def notice_write(notice: Notice) -> None:
    """Notes for each webhook of the tenant what happened in billing, in the transaction in which it does.

    Mail of it is billing's own: to owners and admins, whatever channels there are.
    """
    for channel in AlertChannel.objects.filter(kind=AlertKind.WEBHOOK).select_for_update().order_by("pk"):
        _add(channel, AlertSubject.BILLING, notice.said)


def _told(event: HealthEvent) -> dict[str, Any]:
    upstream = event.upstream
    return {
        "endpoint": upstream.endpoint.slug,
        "upstream": upstream.slug,
        "name": upstream.name,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "at": event.at.isoformat(),
    }


def _add(channel: AlertChannel, subject: AlertSubject, change: dict[str, Any]) -> None:
    """Adds to what waits for the channel already, so that many changes are one message."""
    waiting = Alert.objects.filter(channel=channel, subject=subject, begun=False, is_test=False)
    alert = waiting.select_for_update().first()
    if alert is not None and len(alert.changes) < MAXIMUM_CHANGES:
        alert.changes = [*alert.changes, change]
        alert.save(update_fields=["changes"])
    elif alert is None:
        last = channel.told_at or channel.created_at - AT_MOST_EVERY
        alert = Alert(channel=channel, subject=subject, changes=[change])
        _send(alert, max(timezone.now() + GATHERED, last + AT_MOST_EVERY) - timezone.now())


def _send(alert: Alert, wait: timedelta) -> Alert:
    channel = alert.channel
    alert.tenant_id = channel.tenant_id
    alert.save(force_insert=True)
    AlertDue.objects.create(alert_id=alert.pk, tenant_id=channel.tenant_id, due_at=timezone.now() + wait)
    return alert


def channel_create(
    *, actor: Actor, name: str, kind: str, url: str = "", addresses: list[str] | None = None
) -> tuple[AlertChannel, str]:
    """Adds a channel; a webhook's secret is in the answer to this and nowhere else.

    Raises Refused: INVALID_INPUT with `data["fields"]`, CONFLICT, LIMIT_REACHED, PERMISSION_DENIED.
    """
    actor.require(Permission.EDIT_ENDPOINTS)
    if AlertChannel.objects.count() >= MAXIMUM_CHANNELS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_CHANNELS} of these.")
    channel = AlertChannel(id=uuid4(), tenant=actor.tenant, name=name.strip(), kind=kind)
    if kind == AlertKind.WEBHOOK:
        channel.url = require_webhook_url(url.strip())
    else:
        channel.addresses = _require_addresses(addresses or [])
    cleaned(channel).save(force_insert=True)
    return channel, channel_rotate(actor=actor, channel_id=channel.pk) if kind == AlertKind.WEBHOOK else ""


def channel_rotate(*, actor: Actor, channel_id: UUID) -> str:
    """A new secret of a webhook. The former one signs beside it until the next rotation, so that receivers can change
    over in their own time."""
    actor.require(Permission.EDIT_ENDPOINTS)
    channel = channel_for(channel_id, lock=True)
    if channel.kind != AlertKind.WEBHOOK:
        raise Refused(refusals.CONFLICT, "Mail is not signed.")
    return webhook_rotate(actor=actor, holder=channel.pk, url=channel.url)


def channel_forget_former(*, actor: Actor, channel_id: UUID) -> None:
    """Signs with the present secret alone, once every receiver knows it."""
    actor.require(Permission.EDIT_ENDPOINTS)
    webhook_forget_former(actor=actor, holder=channel_for(channel_id, lock=True).pk)


def channel_delete(*, actor: Actor, channel_id: UUID) -> None:
    """Removes a channel; what waits for it is not told."""
    actor.require(Permission.EDIT_ENDPOINTS)
    channel = channel_for(channel_id, lock=True)
    secrets_forget(holder=channel.pk)
    channel.delete()


def channel_test(*, actor: Actor, channel_id: UUID) -> Alert:
    """Has the channel told within seconds that this is a test."""
    actor.require(Permission.EDIT_ENDPOINTS)
    channel = channel_for(channel_id, lock=True)
    waiting = Alert.objects.filter(channel=channel, is_test=True).first()
    return waiting or _send(Alert(channel=channel, is_test=True), timedelta(0))


def channel_for(channel_id: UUID, *, lock: bool = False) -> AlertChannel:
    """A channel of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = AlertChannel.objects.select_for_update() if lock else AlertChannel.objects.all()
    channel = rows.filter(pk=channel_id).first()
    if channel is None:
        raise Refused(refusals.NOT_FOUND)
    return channel


def _require_addresses(addresses: list[str]) -> list[str]:
    found = sorted({address.strip().lower() for address in addresses if address.strip()})
    if len(found) > MAXIMUM_ADDRESSES:
        raise refused_fields({"addresses": f"List at most {MAXIMUM_ADDRESSES}."})
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            raise refused_fields({"addresses": f"{address} is no address."}) from None
    return found
