"""How long receipts of what was revoked are kept: as long as the tenant's tier keeps calls."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from billing.plans.models import Entitlement
from core.tenancy import tenant_context
from tenants.models import TenantSlug
from tenants.vault.revocations import receipts_forget


def receipts_expire() -> int:
    """Deletes the receipts that are kept no longer, of all tenants; returns how many. Opens contexts of its own."""
    return sum(_expire(tenant_id) for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)))


def _expire(tenant_id: UUID) -> int:
    with tenant_context(tenant_id):
        held = Entitlement.objects.first()
        return receipts_forget(ended_before=timezone.now() - timedelta(days=held.usage_days)) if held else 0
