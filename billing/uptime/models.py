"""What is known of endpoints' uptime. Endpoints are ids here: their tables are a layer above."""

from django.db import models

from billing.uptime.minutes import BYTES
from core.audited import Audited
from core.rls import TenantIsolation

_NOTHING = bytes(BYTES)


class WatchedEndpoint(models.Model):
    """An endpoint whose uptime is counted, from `since` until it was deleted; its name is kept for reports."""

    endpoint_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [TenantIsolation(name="watched_endpoint_isolation")]

    def __str__(self) -> str:
        return self.name


class UptimeDay(models.Model):
    """The evidence of one day (UTC) of one endpoint: three bits for each minute (billing/uptime/minutes.py)."""

    pk = models.CompositePrimaryKey("tenant", "day", "endpoint_id")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    day = models.DateField()
    endpoint_id = models.UUIDField()
    up = models.BinaryField(max_length=BYTES, default=_NOTHING)
    failed = models.BinaryField(max_length=BYTES, default=_NOTHING)
    excused = models.BinaryField(max_length=BYTES, default=_NOTHING)

    class Meta:
        constraints = [TenantIsolation(name="uptime_day_isolation")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.day}"


class StatusPage(models.Model):
    """That a tenant shows to everybody how its endpoints are. `shown` holds their ids."""

    tenant = models.OneToOneField("tenants.Tenant", on_delete=models.CASCADE, primary_key=True, related_name="+")
    name = models.CharField(max_length=80)
    shown = models.JSONField(default=list)
    published = models.BooleanField(default=False)

    class Meta:
        constraints = [
            Audited(name="status_page_audited", noun="status page"),
            TenantIsolation(name="status_page_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class UptimeWatch(models.Model):
    """A tenant whose endpoints' uptime is counted. Global on purpose: it says whose turn it is, and holds an id."""

    tenant_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.tenant_id)


class UptimeMonth(models.Model):
    """What a month of a tenant came to when it was over; it changes no more.

    `endpoints` holds for each its id, name, counted and down minutes; `uptime` is that of the worst, in percent.
    `share` percent of a month's price are given back as `credit_cents`, where less than `target` was kept.
    """

    pk = models.CompositePrimaryKey("tenant", "month")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    month = models.DateField()
    endpoints = models.JSONField()
    uptime = models.DecimalField(max_digits=7, decimal_places=4)
    target = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    share = models.PositiveSmallIntegerField()
    credit_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    credited_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            Audited(name="uptime_month_audited", noun="month of uptime", title="month", of=("credited_at",)),
            TenantIsolation(name="uptime_month_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.uptime}"
