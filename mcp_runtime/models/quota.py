"""What workers have been lent of a tenant's limits. Global on purpose: a worker renews all it has at once."""

from django.db import models


class ConnectionLease(models.Model):
    """Connections that one worker may hold open for a tenant; what all workers hold never exceeds its limit."""

    pk = models.CompositePrimaryKey("tenant_id", "worker")
    tenant_id = models.UUIDField()
    worker = models.CharField(max_length=32)
    slots = models.PositiveIntegerField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["worker"], name="connection_lease_by_worker")]

    def __str__(self) -> str:
        return f"{self.slots} of {self.tenant_id} at {self.worker}"


class RequestBudget(models.Model):
    """A tenant's token bucket, out of which workers are lent tokens; a request costs one.

    `spent` is how many were lent in the calendar month (UTC) that begins on `month`.
    """

    tenant_id = models.UUIDField(primary_key=True)
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()
    month = models.DateField()
    spent = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.tokens} of {self.tenant_id}"


class CallBudget(models.Model):
    """The token bucket of one key or tool (`key:<id>`, `tool:<id>`) that has a limit of its own."""

    pk = models.CompositePrimaryKey("tenant_id", "name")
    tenant_id = models.UUIDField()
    name = models.CharField(max_length=64)
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["refilled_at"], name="call_budget_by_refill")]

    def __str__(self) -> str:
        return f"{self.tokens} of {self.name}"
