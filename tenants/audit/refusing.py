"""Noting that somebody was refused what their role does not allow, so often and no oftener."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from core.acting import acting
from core.tenancy import tenant_context
from tenants.audit.recording import audit_note
from tenants.models import AuditEvent

REFUSED = "access.refused"
SPAN = timedelta(minutes=1)
# Nobody's attempts crowd out those of others, and all of them together stay readable.
MAXIMUM_OF_ONE = 5
MAXIMUM_OF_ALL = 20


def refusal_note(*, tenant_id: UUID, what: str) -> None:
    """Notes that whoever acts now was refused `what`, such as `POST /t/acme/settings/rename/`.

    Opens a context of its own. Of one actor at most 5 are noted a minute, of a tenant 20.
    """
    with tenant_context(tenant_id):
        recent = AuditEvent.objects.filter(action=REFUSED, at__gt=timezone.now() - SPAN)
        is_calm = recent.filter(actor_id=acting().id).count() < MAXIMUM_OF_ONE
        if is_calm and recent.count() < MAXIMUM_OF_ALL:
            audit_note(action=REFUSED, kind="access", name=what)
