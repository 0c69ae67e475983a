"""How long receipts of what was revoked are kept: as long as the tenant's tier keeps calls."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from billing.plans import plan_of
from core.tenancy import tenant_context
from tenants.models import Tenant, TenantSlug
from tenants.vault.revocations import receipts_forget


def receipts_expire() -> int:
    """Deletes the receipts that are kept no longer, of all tenants; returns how many. Opens contexts of its own."""
    return sum(_expire(tenant_id) for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)))


def _expire(tenant_id: UUID) -> int:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        if tenant is None:
            return 0
        return receipts_forget(ended_before=timezone.now() - timedelta(days=plan_of(tenant.plan).usage_days))
