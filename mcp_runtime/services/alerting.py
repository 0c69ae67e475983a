"""Telling what waits to be told, with growing pauses where that fails. Opens the tenants' contexts itself."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException
from uuid import UUID

from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from core.jitter import jittered
from core.tenancy import tenant_context
from core.webhooks import webhook_post
from mcp_runtime.models import Alert, AlertChannel, AlertDue, AlertKind, BoardState
from tenants.models import Membership, Role, Tenant
from tenants.webhooks import webhook_keys

logger = logging.getLogger(__name__)

MAXIMUM_ATTEMPTS = 10  # with the pauses below, a day
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 4 * 3600.0
# Longer than any telling takes: whoever dies with one leaves it to another then.
HELD = timedelta(seconds=60)
MAXIMUM_TOLD = 50


@dataclass(frozen=True, slots=True)
class _Message:
    """An alert as it is told."""

    alert: Alert
    channel: AlertChannel
    tenant: Tenant
    to: list[str]
    keys: Sequence[str]


def alerts_deliver() -> int:
    """Tells what is due; how many alerts that was. Outside any tenant's context."""
    told = 0
    while told < MAXIMUM_TOLD and (due := _next()) is not None:
        _deliver(due)
        told += 1
    return told


def _next() -> AlertDue | None:
    """One that is due, held against everybody else for a while."""
    with transaction.atomic():
        rows = AlertDue.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
        due = rows.select_for_update(skip_locked=True).first()
        if due is not None:
            AlertDue.objects.filter(pk=due.pk).update(due_at=timezone.now() + HELD)
    return due


def _deliver(due: AlertDue) -> None:
    with tenant_context(due.tenant_id):
        message = _begun(due.alert_id)
    if message is None:
        AlertDue.objects.filter(pk=due.pk).delete()
        return
    error = _told(message)
    with tenant_context(due.tenant_id):
        _note(due, message, error)


def _begun(alert_id: UUID) -> _Message | None:
    Alert.objects.filter(pk=alert_id).update(begun=True)
    alert = Alert.objects.select_related("channel", "tenant").filter(pk=alert_id).first()
    if alert is None or alert.tenant.is_being_deleted:
        return None
    channel = alert.channel
    return _Message(alert, channel, alert.tenant, _addresses(channel), _keys(channel))


def _addresses(channel: AlertChannel) -> list[str]:
    if channel.kind != AlertKind.MAIL or channel.addresses:
        return list(channel.addresses)
    rows = Membership.objects.active().filter(role__in=[Role.OWNER, Role.ADMIN]).order_by("user__email")
    return list(rows.values_list("user__email", flat=True))


def _keys(channel: AlertChannel) -> list[str]:
    if channel.kind != AlertKind.WEBHOOK:
        return []
    return webhook_keys(tenant_id=channel.tenant_id, holder=channel.pk, url=channel.url)


def _told(message: _Message) -> str:
    """Why it was not told; empty when it was."""
    if message.channel.kind == AlertKind.WEBHOOK:
        identifier, document = f"msg_{message.alert.pk.hex}", _document(message)
        return webhook_post(message.channel.url, identifier=identifier, document=document, keys=message.keys)
    try:
        send_mail(_subject(message), _text(message), None, message.to)
    except (SMTPException, OSError) as error:
        return f"The mail was not taken: {type(error).__name__}."
    return ""


def _document(message: _Message) -> dict[str, object]:
    kind = "test" if message.alert.is_test else message.alert.subject
    data = {"tenant": message.tenant.slug, "changes": message.alert.changes}
    return {"type": kind, "timestamp": message.alert.created_at.isoformat(), "data": data}


def _subject(message: _Message) -> str:
    changes = message.alert.changes
    if message.alert.is_test:
        return f"A test of {message.channel.name}"
    if len(changes) > 1:
        return f"{len(changes)} changes of upstreams' states"
    return f"{changes[0]['name']}: {BoardState(changes[0]['after']).label}".replace("\n", " ").replace("\r", " ")


def _text(message: _Message) -> str:
    if message.alert.is_test:
        return f"This is a test of the alerts of {message.tenant.name}. Nothing happened."
    lines = [
        f"{change['at'][:19].replace('T', ' ')} UTC  {change['endpoint']} / {change['name']}: "
        f"{BoardState(change['before']).label} -> {BoardState(change['after']).label}. {change['reason']}".rstrip()
        for change in message.alert.changes
    ]
    return "\n".join(lines)


def _note(due: AlertDue, message: _Message, error: str) -> None:
    alert, now = message.alert, timezone.now()
    changed = {"error": error[:500]} if error else {"error": "", "told_at": now}
    AlertChannel.objects.filter(pk=message.channel.pk).update(**changed)
    attempts = alert.attempts + 1
    if error and attempts < MAXIMUM_ATTEMPTS and not alert.is_test:
        Alert.objects.filter(pk=alert.pk).update(attempts=attempts)
        pause = jittered(min(FIRST_PAUSE * 3.0**alert.attempts, LONGEST_PAUSE))
        AlertDue.objects.filter(pk=due.pk).update(due_at=now + timedelta(seconds=pause))
        return
    if error:
        logger.warning("an alert was given up after %s attempts", attempts)
    Alert.objects.filter(pk=alert.pk).delete()
    AlertDue.objects.filter(pk=due.pk).delete()
