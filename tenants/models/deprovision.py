"""Receipts of people who were put out of a tenant: what of theirs ended, and when."""

import uuid

from django.conf import settings
from django.db import models

from core.rls import TenantForeignKey, TenantIsolation


class Cause(models.TextChoices):
    """How somebody was put out."""

    REMOVED = "removed", "Removed from the team"
    LEFT = "left", "Left by themselves"
    DEACTIVATED = "deactivated", "Deactivated on the team's page"
    SCIM_DEACTIVATED = "scim_deactivated", "Deactivated by provisioning"
    SCIM_DELETED = "scim_deleted", "Deleted by provisioning"
    ACCOUNT_CLOSED = "account_closed", "Closed their account"


# Those after which the person may come back as they were.
KEEPING = frozenset({Cause.DEACTIVATED, Cause.SCIM_DEACTIVATED})


class Deprovision(models.Model):
    """One person who was put out of the tenant, at one moment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    # As they were called then: the receipt outlives the account.
    email = models.EmailField(max_length=254)
    cause = models.CharField(max_length=24, choices=Cause.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="deprovision_id_within_tenant"),
            TenantIsolation(name="deprovision_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "at"], name="deprovision_by_time")]

    def __str__(self) -> str:
        return f"{self.email}: {self.cause}"


class DeprovisionItem(models.Model):
    """One thing that ended with it. `reference` is its id, which for connections is their revocation's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    deprovision = models.ForeignKey(
        Deprovision, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="items"
    )
    kind = models.CharField(max_length=24)
    label = models.CharField(max_length=200)
    reference = models.UUIDField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="deprovision_item_id_within_tenant"),
            TenantIsolation(name="deprovision_item_isolation"),
            TenantForeignKey(
                name="deprovision_item_of_same_tenant", column="deprovision_id", to_table="tenants_deprovision"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "deprovision"], name="deprovision_item_by_receipt")]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class DeprovisionDue(models.Model):
    """Whom a second look has still to be taken at, whoever's they are: global, so that one query finds them."""

    deprovision_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.deprovision_id)
