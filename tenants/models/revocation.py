"""Receipts: what was revoked at a provider, when, by whom, and what the provider said."""

import uuid

from django.conf import settings
from django.db import models

from core.rls import TenantIsolation


class RevocationOutcome(models.TextChoices):
    """How far a revocation is. Nothing of ours uses the tokens in any of these states."""

    PENDING = "pending", "Waiting for the provider"
    REVOKED = "revoked", "Revoked at the provider"
    UNSUPPORTED = "unsupported", "The provider cannot revoke"
    GAVE_UP = "gave_up", "The provider did not take it"


class Revocation(models.Model):
    """One token set that was taken out of use, and its way to the provider. Its tokens are deleted at the end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    # Of the connection, which may be gone when somebody reads this.
    connection_id = models.UUIDField()
    holder = models.UUIDField()
    label = models.CharField(max_length=80, blank=True)
    issuer = models.CharField(max_length=500)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    reason = models.CharField(max_length=80)
    requested_at = models.DateTimeField(auto_now_add=True)
    # Tokens, registration and endpoint, for the provider alone; empty once it is over.
    sealed = models.TextField(blank=True)
    tokens = models.PositiveIntegerField()  # how many there were
    outcome = models.CharField(max_length=16, choices=RevocationOutcome.choices, default=RevocationOutcome.PENDING)
    http_status = models.PositiveIntegerField(null=True, blank=True)
    last_error = models.TextField(max_length=500, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="revocation_id_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(outcome="pending") | models.Q(sealed=""), name="revocation_keeps_no_ended_tokens"
            ),
            TenantIsolation(name="revocation_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "requested_at"], name="revocation_by_time")]

    def __str__(self) -> str:
        return f"revocation at {self.issuer}"


class RevocationDue(models.Model):
    """Which revocations wait, whoever's they are: global, so that one query finds them; holds ids and times."""

    revocation_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.revocation_id)
