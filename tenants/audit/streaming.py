"""Sending every event of the audit logs to the webhooks that want them: in order, at least once, never given up.

Opens the tenants' contexts itself.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.jitter import jittered
from core.tenancy import tenant_context
from core.webhooks import webhook_post
from tenants.audit.reading import told_of
from tenants.models import AuditDue, AuditEvent, AuditTarget, Tenant
from tenants.webhooks import webhook_keys

MAXIMUM_TOGETHER = 100
# How long after everything was sent it is looked again, whatever is heard (`tenants.audit.hearing`).
CALM = 10.0
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 3600.0
# 15 s times three to this is longer than the longest pause.
_STEPS = 6
# Longer than a webhook may take: whoever dies with one leaves it to another then.
HELD = timedelta(seconds=60)
# One job sends no longer than this, so that the next begins with what is most due.
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """The events that a target gets next."""

    target: AuditTarget
    slug: str
    events: list[dict[str, Any]]
    keys: Sequence[str]


def audit_stream() -> int:
    """Sends what is due; how many events were taken. Outside any tenant's context."""
    sent, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until and (due := _next()) is not None:
        sent += _stream(due)
    return sent


def _next() -> AuditDue | None:
    """A target that is due, held against everybody else for a while."""
    with transaction.atomic():
        rows = AuditDue.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
        due = rows.select_for_update(skip_locked=True).first()
        if due is not None:
            AuditDue.objects.filter(pk=due.pk).update(due_at=timezone.now() + HELD, is_idle=False)
    return due


def _stream(due: AuditDue) -> int:
    with tenant_context(due.tenant_id):
        batch = _batch(due)
    if batch is None:
        AuditDue.objects.filter(pk=due.pk).delete()
        return 0
    error = _told(batch) if batch.events else ""
    with tenant_context(due.tenant_id):
        _note(batch, error)
    return 0 if error else len(batch.events)


def _batch(due: AuditDue) -> _Batch | None:
    target = AuditTarget.objects.filter(pk=due.target_id).first()
    if target is None:
        return None
    rows = AuditEvent.objects.filter(sequence__gt=target.cursor).order_by("sequence")[:MAXIMUM_TOGETHER]
    keys = webhook_keys(tenant_id=due.tenant_id, holder=target.pk, url=target.url)
    return _Batch(target, Tenant.objects.get().slug, [told_of(event) for event in rows], keys)


def _told(batch: _Batch) -> str:
    first, last = batch.events[0], batch.events[-1]
    # The same for each attempt at the same events, and for no others.
    identifier = f"audit_{batch.target.pk.hex}_{first['sequence']}_{last['sequence']}"
    data = {"tenant": batch.slug, "events": batch.events}
    document = {"type": "audit.events", "timestamp": last["at"], "data": data}
    return webhook_post(batch.target.url, identifier=identifier, document=document, keys=batch.keys)


def _note(batch: _Batch, error: str) -> None:
    """Moves the cursor, or says why not, and when it is looked again."""
    target, now = batch.target, timezone.now()
    if error:
        changed = {"error": error[:500], "failures": target.failures + 1}
    else:
        taken = {"cursor": batch.events[-1]["sequence"], "told_at": now} if batch.events else {}
        changed = {"error": "", "failures": 0} | taken
    # Whoever was slower than its lease does not take the cursor back.
    AuditTarget.objects.filter(pk=target.pk, cursor=target.cursor).update(**changed)
    due = AuditDue.objects.filter(pk=target.pk)
    if error:
        pause = jittered(min(FIRST_PAUSE * 3.0 ** min(target.failures, _STEPS), LONGEST_PAUSE))
        due.update(due_at=now + timedelta(seconds=pause))
        return
    due.update(due_at=now + timedelta(seconds=CALM), is_idle=True)
    # Whoever hears of an event waits for that row from here on; what came before is seen from here on.
    if AuditEvent.objects.filter(sequence__gt=changed.get("cursor", target.cursor)).exists():
        due.update(due_at=now, is_idle=False)
