"""How long the audit log is kept: as long as the tenant's tier keeps calls, and 30 days at least."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from billing.plans import plan_of
from core.tenancy import tenant_context
from tenants.audit.forgetting import audit_forget
from tenants.models import Tenant, TenantSlug

MINIMUM_DAYS = 30


def audit_days(plan: str) -> int:
    """For how many days a plan keeps an event."""
    return max(plan_of(plan).usage_days, MINIMUM_DAYS)


def audit_expire(now: datetime | None = None) -> int:
    """Deletes the events that are kept no longer at `now`, of all tenants; how many. Opens contexts of its own."""
    tenants = set(TenantSlug.objects.values_list("tenant_id", flat=True))
    return sum(_expire(tenant_id, now or timezone.now()) for tenant_id in tenants)


def _expire(tenant_id: UUID, now: datetime) -> int:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        return audit_forget(before=now - timedelta(days=audit_days(tenant.plan))) if tenant else 0
