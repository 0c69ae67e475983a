"""Calls as rows, their sums, and what keeps both exact. Endpoints are ids here: their tables are a layer above."""

from django.db import models

from core.rls import AnyTenantInserts, TenantIsolation


class UsageEvent(models.Model):
    """One call, as the worker that answered it wrote it down. The table is partitioned by day (`at`, UTC).

    Written by the workers' shipper alone, for all tenants at once, so inserting is open to any row; reading is not.
    No foreign key: a call that happened is written down, also when its tenant is gone by then.
    """

    pk = models.CompositePrimaryKey("tenant", "at", "boot", "sequence")
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField()
    # Which run of which worker, and the place of the call in its journal: what makes it countable exactly once.
    boot = models.BigIntegerField()
    sequence = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    principal = models.CharField(max_length=200)
    method = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    revision = models.CharField(max_length=20)
    outcome = models.CharField(max_length=80)
    billable = models.BooleanField()
    microseconds = models.BigIntegerField()
    bytes_in = models.BigIntegerField()
    bytes_out = models.BigIntegerField()
    request_id = models.CharField(max_length=60)

    class Meta:
        constraints = [
            TenantIsolation(name="usage_event_isolation"),
            AnyTenantInserts(name="usage_event_shipping"),
        ]
        indexes = [models.Index(fields=["tenant", "principal", "at"], name="usage_event_by_principal")]

    def __str__(self) -> str:
        return f"{self.method} {self.name}: {self.outcome}"


class UsageHour(models.Model):
    """The sums of one hour (UTC) of one principal's calls of one name. `errors` are those that were not `ok`."""

    pk = models.CompositePrimaryKey("tenant", "hour", "endpoint_id", "method", "name", "principal")
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    hour = models.DateTimeField()
    endpoint_id = models.UUIDField()
    method = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    principal = models.CharField(max_length=200)
    calls = models.BigIntegerField()
    billable = models.BigIntegerField()
    errors = models.BigIntegerField()
    microseconds = models.BigIntegerField()
    bytes_in = models.BigIntegerField()
    bytes_out = models.BigIntegerField()

    class Meta:
        constraints = [TenantIsolation(name="usage_hour_isolation")]

    def __str__(self) -> str:
        return f"{self.name} {self.hour:%Y-%m-%d %H}: {self.calls}"


class UsageKept(models.Model):
    """Since when a tenant's calls are kept one by one: before, there are sums alone."""

    tenant = models.OneToOneField(
        "tenants.Tenant", on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    since = models.DateTimeField()

    class Meta:
        constraints = [TenantIsolation(name="usage_kept_isolation")]

    def __str__(self) -> str:
        return f"since {self.since}"


class UsageDue(models.Model):
    """An hour of a tenant whose sums are older than its calls.

    Global on purpose, so that one question finds what is due whoever's it is; it holds nothing but ids and times.
    Each run of a worker has its own row, so that workers do not wait for each other.
    """

    pk = models.CompositePrimaryKey("tenant_id", "hour", "boot")
    tenant_id = models.UUIDField()
    hour = models.DateTimeField()
    boot = models.BigIntegerField()
    # The last sequence that was shipped: who sums forgets the row only if it is still this one.
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.hour}"


class UsageWatermark(models.Model):
    """How far the journal of one run of a worker has been shipped. Global: it holds nothing of any tenant."""

    boot = models.BigIntegerField(primary_key=True)
    sequence = models.BigIntegerField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.boot:x}: {self.sequence}"
