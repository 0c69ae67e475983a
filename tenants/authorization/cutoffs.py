"""Cutting off: every worker refuses a subject's access tokens within a second, on open streams too."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from tenants.authorization.publishing import GRANT, MARGIN, forgettable, gate_publish
from tenants.models import Cutoff


def cut_off(tenant_id: UUID, subject: str, reason: str) -> None:
    """Refuses the access tokens of `subject` that were issued until now; runs inside the tenant's context.

    `subject` is `grant:<grant id>`, `member:<user id>` or `client:<client_id>`. A person or client may be given new
    tokens afterwards; a grant that was ended stays ended.
    """
    # A grant's tokens are all refused, whatever the clock of whoever issued them said.
    lead = MARGIN if subject.startswith(GRANT) else timedelta()
    _forget_old()
    Cutoff.objects.update_or_create(
        tenant_id=tenant_id, subject=subject, defaults={"at": timezone.now() + lead, "reason": reason}
    )
    gate_publish(tenant_id)


def _forget_old() -> None:
    """Deletes what no token can be old enough for."""
    Cutoff.objects.filter(forgettable(timezone.now())).delete()
