"""What is known of endpoints' uptime. Endpoints are ids here: their tables are a layer above."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import models

from billing.plans.models import PlanVersion
from billing.uptime.minutes import BYTES, Span
from core.audited import Audited
from core.rls import TenantIsolation

_NOTHING = bytes(BYTES)


class WatchedEndpoint(models.Model):
    """An endpoint whose uptime is counted, from `since` until it was deleted; its name is kept for reports.

    `pauses` are those times in between in which nobody asked for it: for each its two ends, as ISO 8601 has them.
    """

    endpoint_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    pauses = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [TenantIsolation(name="watched_endpoint_isolation")]

    def __str__(self) -> str:
        return self.name

    def spans(self, end: datetime) -> list[Span]:
        """When it was watched before `end`, the earliest first."""
        ends = [datetime.fromisoformat(moment).astimezone(UTC) for pause in self.pauses for moment in pause]
        moments = [self.since, *ends, min(self.until or end, end)]
        return list(zip(moments[::2], moments[1::2], strict=True))

    def resume(self, now: datetime, *, kept: timedelta) -> None:
        """Has it counted again from `now` on; pauses that ended longer than `kept` ago are forgotten, with `since`."""
        pauses = [*self.pauses, [self.until.isoformat(), now.isoformat()]] if self.until else self.pauses
        while pauses and datetime.fromisoformat(pauses[0][1]) < now - kept:
            self.since = datetime.fromisoformat(pauses.pop(0)[1])
        self.pauses, self.until = pauses, None


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
    """A tenant whose endpoints' uptime is or was counted. Global on purpose: it says whose turn it is, and of whom.

    Since `ended_at` nobody asks for it any more. `closed` is the latest month that was closed, by its first day;
    `is_owed`: one that was closed has still to be told or credited.
    """

    tenant_id = models.UUIDField(primary_key=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    closed = models.DateField(null=True, blank=True)
    is_owed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.tenant_id)


class UptimeDue(models.Model):
    """A minute of a watched tenant that got calls which nobody has looked at; written with these by who ships them.

    Global on purpose, as the shipper writes for all tenants at once; it holds nothing but ids and times. Each run of a
    worker has its own row, so that workers do not wait for each other.
    """

    pk = models.CompositePrimaryKey("tenant_id", "minute", "boot")
    tenant_id = models.UUIDField()
    minute = models.DateTimeField()
    boot = models.BigIntegerField()
    # The last sequence that was shipped: who has looked forgets the row only if it is still this one.
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.minute}"


@dataclass(frozen=True, slots=True)
class Terms:
    """For what uptime is promised: a version of a plan, and what a month of it costs the tenant, in cents."""

    plan_id: str
    price_cents: int
    currency: str


class UptimePromise(models.Model):
    """That a tenant was promised uptime on these terms from `since` until `until`, or is.

    Written with the entitlement that it follows from, so that months are judged by what held, whatever holds later.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    plan = models.ForeignKey(PlanVersion, on_delete=models.DO_NOTHING, db_index=False, related_name="+")
    price_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(until=None), name="uptime_promise_is_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gte=models.F("since")),
                name="uptime_promise_ends_after_it_begins",
            ),
            TenantIsolation(name="uptime_promise_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "since"], name="uptime_promise_by_tenant")]

    def __str__(self) -> str:
        return f"{self.plan_id} from {self.since:%Y-%m-%d}"

    @property
    def terms(self) -> Terms:
        """What was promised, and for how much."""
        return Terms(self.plan_id, self.price_cents, self.currency)


class UptimeMonth(models.Model):
    """What a month of a tenant came to when it was over; it changes no more.

    `endpoints` holds for each its id, name, counted and down minutes, of all that counted. Where uptime was promised,
    `promised` holds what each terms came to (billing/uptime/promises.py), `uptime` is that of the worst endpoint while
    they held, in percent, `share` the largest of what is given back, in percent of the price of that time, and
    `credit_cents` all of it. Else `uptime` is that of the worst endpoint of the month, and there is no `target`.
    """

    pk = models.CompositePrimaryKey("tenant", "month")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    month = models.DateField()
    endpoints = models.JSONField()
    promised = models.JSONField(default=list)
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
