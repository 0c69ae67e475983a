"""The audit log: a chain of events for each tenant, which PostgreSQL writes and the application only reads."""

import uuid

from django.db import models

from core.audited import Audited
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


class AuditTarget(models.Model):
    """A webhook that gets every event, in order. Its secrets are the vault's, by its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=2000)
    # The last event that it took, when it did, and why the last attempt failed, if it did, after how many others.
    cursor = models.BigIntegerField()
    told_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="audit_target_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="audit_target_name_within_tenant"),
            Audited(
                name="audit_target_audited",
                noun="audit_target",
                ignore=("cursor", "told_at", "error", "failures"),
                of=("name", "url"),
            ),
            TenantIsolation(name="audit_target_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class AuditDue(models.Model):
    """Which webhooks are to be looked after when, whoever's they are: global; holds ids and times."""

    target_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField(db_index=True)
    due_at = models.DateTimeField(db_index=True)
    # Whether it took everything, so that a new event makes it due.
    is_idle = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.target_id)
