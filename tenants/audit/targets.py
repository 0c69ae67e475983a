"""Webhooks that get a tenant's audit log. Each service runs inside the tenant's context."""

from uuid import UUID, uuid4

from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.allowance import require_right
from tenants.audit.reading import audit_head
from tenants.models import AuditDue, AuditTarget
from tenants.validation import cleaned, refused_fields
from tenants.vault.secrets import secrets_forget
from tenants.webhooks import require_webhook_url, webhook_forget_former, webhook_rotate

MAXIMUM_TARGETS = 5


def target_create(*, actor: Actor, name: str, url: str, after: int | None = None) -> tuple[AuditTarget, str]:
    """Adds a webhook; its secret is in the answer to this and nowhere else.

    It gets the events from after the number `after`, by default those from now on. Raises Refused: INVALID_INPUT with
    `data["fields"]`, LIMIT_REACHED, NOT_IN_PLAN, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    require_right(actor.tenant.id, "audit_export")
    if AuditTarget.objects.count() >= MAXIMUM_TARGETS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_TARGETS} of these.")
    last, _digest = audit_head()
    if after is not None and not 0 <= after <= last:
        raise refused_fields({"after": f"Give a number from 0 to {last}, which is the latest event's."})
    target = AuditTarget(id=uuid4(), tenant=actor.tenant, name=name.strip(), url=url.strip())
    target.cursor = last if after is None else after
    require_webhook_url(target.url)
    cleaned(target).save(force_insert=True)
    AuditDue.objects.create(target_id=target.pk, tenant_id=actor.tenant.pk, due_at=timezone.now())
    return target, target_rotate(actor=actor, target_id=target.pk)


def target_rotate(*, actor: Actor, target_id: UUID) -> str:
    """A new secret, beside which the former one signs until the next. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    actor.require(Permission.MANAGE_TENANT)
    target = target_for(target_id, lock=True)
    return webhook_rotate(actor=actor, holder=target.pk, url=target.url)


def target_forget_former(*, actor: Actor, target_id: UUID) -> None:
    """Signs with the present secret alone. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    actor.require(Permission.MANAGE_TENANT)
    webhook_forget_former(actor=actor, holder=target_for(target_id, lock=True).pk)


def target_delete(*, actor: Actor, target_id: UUID) -> None:
    """Removes a webhook, which gets nothing more. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    actor.require(Permission.MANAGE_TENANT)
    target = target_for(target_id, lock=True)
    secrets_forget(holder=target.pk)
    target.delete()


def target_for(target_id: UUID, *, lock: bool = False) -> AuditTarget:
    """A webhook of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = AuditTarget.objects.select_for_update() if lock else AuditTarget.objects.all()
    return one_of(rows, target_id)
