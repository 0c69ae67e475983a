"""Roles, what each may do, and the one way to find out in which tenant a person is acting."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core import refusals
from core.refusals import Refused
from core.tenancy import person_context, tenant_context
from tenants.models import ApiKey, Membership, Role, Tenant, TenantSlug, User
from tenants.models.tenant import is_slug
from tenants.validation import refused_fields


class Permission(StrEnum):
    """One thing that a role may allow."""

    VIEW = "view"
    EDIT_ENDPOINTS = "edit_endpoints"
    CALL_TOOLS = "call_tools"
    MANAGE_ACCESS_KEYS = "manage_access_keys"
    MANAGE_API_KEYS = "manage_api_keys"
    MANAGE_MEMBERS = "manage_members"
    VIEW_AUDIT = "view_audit"
    MANAGE_BILLING = "manage_billing"
    MANAGE_TENANT = "manage_tenant"
    TRANSFER_OR_DELETE = "transfer_or_delete"


_VIEWER = frozenset({Permission.VIEW})
_DEVELOPER = _VIEWER | {Permission.EDIT_ENDPOINTS, Permission.CALL_TOOLS, Permission.MANAGE_ACCESS_KEYS}
_ADMIN = _DEVELOPER | {
    Permission.MANAGE_API_KEYS,
    Permission.MANAGE_BILLING,
    Permission.MANAGE_MEMBERS,
    Permission.MANAGE_TENANT,
    Permission.VIEW_AUDIT,
}
_OWNER = _ADMIN | {Permission.TRANSFER_OR_DELETE}

PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _ADMIN,
    Role.DEVELOPER: _DEVELOPER,
    Role.VIEWER: _VIEWER,
}


_WHILE_BEING_DELETED = frozenset({Permission.VIEW, Permission.TRANSFER_OR_DELETE})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in a tenant: a member, an API key (then `user` is None), or with neither whoever runs the platform.

    `maker_id` is the person who answers for what the actor makes: it ends when that person is put out.
    """

    tenant: Tenant
    role: str
    user: User | None = None
    api_key_id: UUID | None = None
    api_key_name: str = ""
    key_made_by: UUID | None = None

    @property
    def maker_id(self) -> UUID | None:
        return self.key_made_by if self.user is None else self.user.pk

    def may(self, permission: Permission) -> bool:
        """Whether the actor's role and the tenant's state allow `permission`."""
        standing = not self.tenant.is_being_deleted or permission in _WHILE_BEING_DELETED
        return standing and permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises Refused: PERMISSION_DENIED for the role's sake, TENANT_BEING_DELETED for the tenant's.

        A tenant that is being deleted can be looked at, restored or left, and not changed.
        """
        if permission not in PERMISSIONS[self.role]:
            raise Refused(refusals.PERMISSION_DENIED)
        if not self.may(permission):
            raise Refused(refusals.TENANT_BEING_DELETED)

    def require_standing(self) -> None:
        """Raises Refused(NOT_FOUND) for somebody who was put out since; runs inside the tenant's context.

        Holds the membership or the key until the transaction ends, so that whoever puts them out sees what is made.
        """
        if self.user is not None:
            held = Membership.objects.active().select_for_update(no_key=True).filter(user=self.user).first() is not None
        elif self.api_key_id is not None:
            keys = ApiKey.objects.select_for_update(no_key=True).filter(pk=self.api_key_id, revoked_at=None)
            held = keys.first() is not None
        else:
            held = True  # whoever runs the platform
        if not held:
            raise Refused(refusals.NOT_FOUND)

    def require_grantable(self, role: str) -> None:
        """Raises Refused unless `role` is known and no higher than the actor's own."""
        if role not in PERMISSIONS:
            raise refused_fields({"role": f"Choose one of {', '.join(PERMISSIONS)}."})
        if not PERMISSIONS[role] <= PERMISSIONS[self.role]:
            raise Refused(refusals.PERMISSION_DENIED)


def tenant_id_for(slug: str) -> UUID:
    """The tenant that a slug names, now or formerly; raises Refused(NOT_FOUND)."""
    # A text that cannot be a slug may hold what PostgreSQL refuses to compare, a null character for one.
    known = TenantSlug.objects.filter(slug=slug) if is_slug(slug) else TenantSlug.objects.none()
    found = known.values_list("tenant_id", flat=True).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def actor_for(user: User, slug: str) -> Actor:
    """The member `user` is in the tenant that `slug` names; raises Refused(NOT_FOUND) for strangers.

    A deactivated member is one. Opens and closes a tenant context of its own.
    """
    with tenant_context(tenant_id_for(slug)):
        membership = Membership.objects.active().select_related("tenant").filter(user=user).first()
    if membership is None:
        raise Refused(refusals.NOT_FOUND)
    return Actor(tenant=membership.tenant, role=membership.role, user=user)


def memberships_of(user: User) -> list[Membership]:
    """Every membership of a person, with its tenant, by tenant name; not those that are deactivated."""
    with person_context(user.pk):
        rows = Membership.objects.active().select_related("tenant").filter(user=user)
        return list(rows.order_by("tenant__name", "tenant__slug"))
