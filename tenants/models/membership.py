"""Who belongs to a tenant, and who is asked to."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from core.audited import Audited
from core.rls import TenantIsolation


class Role(models.TextChoices):
    """What a member may do; `tenants.access` holds the table of permissions."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    DEVELOPER = "developer", "Developer"
    VIEWER = "viewer", "Viewer"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships, whoever they let in."""

    def active(self) -> "MembershipQuerySet":
        """Those that let somebody in: not deactivated."""
        return self.filter(deactivated_at=None)


class Membership(models.Model):
    """One person in one tenant. Deactivated, the person is a stranger there, and comes back as they were."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="membership_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_person_and_tenant"),
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(role="owner"), name="one_owner_per_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_is_known"),
            models.CheckConstraint(
                condition=~models.Q(role="owner") | models.Q(deactivated_at=None), name="owner_is_active"
            ),
            Audited(name="membership_audited", noun="member", title="user_id"),
            TenantIsolation(
                name="membership_isolation", person_sql='"user_id" = {person} AND "deactivated_at" IS NULL'
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role}"


class Invitation(models.Model):
    """An invitation by mail. The link's token is stored as a digest; it works once, until it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role.choices)
    token_digest = models.CharField(max_length=64)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    # The provisioning connection that asked for it; null when a person did.
    provider = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="invitation_id_within_tenant"),
            models.UniqueConstraint("tenant", Lower("email"), name="one_invitation_per_address_and_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_is_known"),
            Audited(name="invitation_audited", noun="invitation", title="email"),
            TenantIsolation(name="invitation_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"
