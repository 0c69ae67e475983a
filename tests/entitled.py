"""What a test's tenant may do: a plan, or limits and rights of its own."""

from typing import Any
from uuid import UUID

from billing.entitlements import entitlement_grant
from billing.plans.models import Entitlement, Standing
from billing.plans.selling import plan_on_sale
from core.tenancy import tenant_context


def entitle(tenant_id: UUID, plan: str = "", **terms: Any) -> None:
    """Gives the tenant in context a plan, and `terms` (of billing.plans.models.Terms) instead of what that says."""
    if plan:
        entitlement_grant(tenant_id=tenant_id, plan=plan_on_sale(plan), standing=Standing.ACTIVE)
    if terms:
        Entitlement.objects.filter(tenant_id=tenant_id).update(**terms)


def entitle_outside(tenant_id: UUID, plan: str = "", **terms: Any) -> None:
    """The same, in a context of its own."""
    with tenant_context(tenant_id):
        entitle(tenant_id, plan, **terms)
