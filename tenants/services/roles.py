"""A member's role, whoever says it; who calls checks who may. Runs inside the tenant's context."""

from tenants.access import PERMISSIONS
from tenants.authorization.cutoffs import cut_off
from tenants.models import Membership
from tenants.services.deprovisioning import api_keys_end_above


def member_take_role(*, membership: Membership, role: str) -> None:
    """Gives a member, who is not the owner, a role. API keys that they made above it end, and so do access tokens
    that were issued while they might do more.
    """
    if membership.role == role:
        return
    lost = PERMISSIONS[membership.role] - PERMISSIONS[role]
    membership.role = role
    membership.save(update_fields=["role"])
    api_keys_end_above(membership.user_id, role)
    if lost:
        cut_off(membership.tenant_id, f"member:{membership.user_id}", "role")
