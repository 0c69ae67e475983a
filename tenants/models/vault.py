"""What the vault holds of a tenant: its data keys, and static secrets."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation


class TenantKey(models.Model):
    """One version of a tenant's data key, wrapped with the platform's. Destroyed, it opens nothing any more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    version = models.PositiveIntegerField()
    wrapped = models.TextField(blank=True)  # empty once it is destroyed
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "version"], name="tenant_key_version_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(wrapped="", destroyed_at__isnull=False)
                | (~models.Q(wrapped="") & models.Q(destroyed_at=None)),
                name="tenant_key_is_whole_or_destroyed",
            ),
            Audited(name="tenant_key_audited", noun="tenant_key", title="version", redact=("wrapped",)),
            TenantIsolation(name="tenant_key_isolation"),
        ]

    def __str__(self) -> str:
        return f"key {self.version}"


class Secret(models.Model):
    """A password, token or key that a person typed. `holder` is what uses it: an upstream's id, say."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    holder = models.UUIDField()
    name = models.CharField(max_length=100)
    # Where it may be sent. The sealed value is bound to it: with another destination it cannot be opened.
    destination = models.TextField(max_length=2048)
    sealed = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "holder", "name"], name="secret_name_within_holder"),
            Audited(name="secret_audited", noun="secret"),
            TenantIsolation(name="secret_isolation"),
        ]

    def __str__(self) -> str:
        return self.name
