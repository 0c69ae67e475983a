"""What workers let people in by: the keys that sign access tokens, what was cut off, and the document of both."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation

LONGEST_SUBJECT = 300


class SigningKey(models.Model):
    """A key that signs a tenant's access tokens. The newest one signs; those before it still verify."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    kid = models.CharField(max_length=43)  # its RFC 7638 thumbprint
    public = models.JSONField()
    sealed = models.TextField()  # the private key, bound to this row
    created_at = models.DateTimeField(auto_now_add=True)
    # When the last token that it signed has expired, once another signs.
    forget_after = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kid"], name="signing_key_kid_within_tenant"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(forget_after=None), name="signing_key_signs_alone"
            ),
            Audited(name="signing_key_audited", noun="signing_key", title="kid", ignore=("forget_after",)),
            TenantIsolation(name="signing_key_isolation"),
        ]

    def __str__(self) -> str:
        return self.kid


class Cutoff(models.Model):
    """Access tokens of a subject are refused that were issued before `at`. Kept for as long as one could live."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    # grant:<id>, member:<user id> or client:<client_id>
    subject = models.CharField(max_length=LONGEST_SUBJECT)
    at = models.DateTimeField()
    reason = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "subject"], name="cutoff_subject_within_tenant"),
            TenantIsolation(name="cutoff_isolation"),
        ]

    def __str__(self) -> str:
        return self.subject


class PublishedGate(models.Model):
    """The document of a tenant's gate (`tenants.authorization.gate.Gate`), as workers read it."""

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.CASCADE, related_name="+")
    version = models.BigIntegerField()
    document = models.BinaryField()

    class Meta:
        constraints = [TenantIsolation(name="published_gate_isolation")]

    def __str__(self) -> str:
        return f"gate {self.version}"


class SeenAssertion(models.Model):
    """A token of somebody else's that is good once, until it would have expired anyway."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="seen_assertion_once"),
            TenantIsolation(name="seen_assertion_isolation"),
        ]

    def __str__(self) -> str:
        return self.digest
