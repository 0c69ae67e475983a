"""How long the audit log is kept: as long as the tenant's entitlement says."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from billing.plans.models import Entitlement
from core.tenancy import tenant_context
from tenants.audit.forgetting import audit_forget
from tenants.models import TenantSlug


def audit_expire(now: datetime | None = None) -> int:
    """Deletes the events that are kept no longer at `now`, of all tenants; how many. Opens contexts of its own."""
    tenants = set(TenantSlug.objects.values_list("tenant_id", flat=True))
    return sum(_expire(tenant_id, now or timezone.now()) for tenant_id in tenants)


def _expire(tenant_id: UUID, now: datetime) -> int:
    with tenant_context(tenant_id):
        held = Entitlement.objects.first()
        return audit_forget(before=now - timedelta(days=held.audit_days)) if held else 0
