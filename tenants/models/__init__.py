"""The models of people and tenants, one noun a module."""

from tenants.models.api_key import ApiKey
from tenants.models.membership import Invitation, Membership, Role
from tenants.models.tenant import Tenant, TenantSlug
from tenants.models.user import User

__all__ = ["ApiKey", "Invitation", "Membership", "Role", "Tenant", "TenantSlug", "User"]
