"""The audit log: a chain of events for each tenant, which PostgreSQL writes and the application only reads."""

import uuid

from django.db import models

from core.rls import TenantIsolation


class AuditEvent(models.Model):
    """One thing that somebody did, or was kept from. `digest` is over all of it and the digest before (`previous`).

    Nobody inserts, changes or deletes one but `tenants_audit_append` and `tenants_audit_forget`, which belong to the
    owner of the tables.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    actor_kind = models.TextField()
    actor_id = models.TextField()
    actor_name = models.TextField()
    address = models.TextField()
    request_id = models.TextField()
    action = models.TextField()
    target_kind = models.TextField()
    target_id = models.TextField()
    target_name = models.TextField()
    # Of what changed: [[column, before, after], …] in order of column; null where there was nothing.
    changes = models.JSONField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "sequence"], name="audit_sequence_within_tenant"),
            TenantIsolation(name="audit_event_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "at"], name="audit_event_by_time")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class AuditHead(models.Model):
    """The end of a tenant's chain; who holds its row writes the next event."""

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.DB_CASCADE, related_name="+")
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [TenantIsolation(name="audit_head_isolation")]

    def __str__(self) -> str:
        return f"up to {self.sequence}"
