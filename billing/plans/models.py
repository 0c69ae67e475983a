"""The tables of plans, of what each tenant is entitled to, and of contracts with single tenants."""

import uuid

from django.db import models
from django.db.models.functions import Concat

from core.audited import Audited
from core.rls import TenantIsolation

DEVELOPER = "developer"
MAXIMUM_CONNECTIONS = 100_000_000
MAXIMUM_CENTS = 100_000_000_00
MAXIMUM_CALLS = 1_000_000_000_000
# The shortest that any plan keeps the audit log: the database deletes nothing younger.
MINIMUM_AUDIT_DAYS = 30
# With hundredths: prices of others would have to be written in another unit.
CURRENCIES = ("usd", "eur", "gbp", "chf")


class Standing(models.TextChoices):
    """How a tenant stands with its plan. `past_due` and `grace` keep what the plan gives, `lapsed` has Developer's."""

    FREE = "free"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    GRACE = "grace"
    LAPSED = "lapsed"
    CONTRACT = "contract"


class Terms(models.Model):
    """What a plan gives: limits, of which None is none, and rights.

    `connections` are HTTP exchanges open at one moment. `requests_per_second` is sustained; ten seconds' worth may come
    at once. `usage_days` is how long each call is kept, `audit_days` each event of the audit log. `requests` are of a
    calendar month (UTC), as are `calls_included`, beyond which calls are billed.
    """

    connections = models.PositiveIntegerField(null=True, blank=True)
    requests_per_second = models.PositiveIntegerField(null=True, blank=True)
    endpoints = models.PositiveIntegerField(null=True, blank=True)
    tools_per_endpoint = models.PositiveIntegerField()
    members = models.PositiveIntegerField(null=True, blank=True)
    usage_days = models.PositiveIntegerField()
    audit_days = models.PositiveIntegerField()
    requests = models.PositiveBigIntegerField(null=True, blank=True)
    calls_included = models.PositiveBigIntegerField(null=True, blank=True)
    sso = models.BooleanField()
    scim = models.BooleanField()
    audit_export = models.BooleanField()
    sla = models.BooleanField()

    class Meta:
        abstract = True


TERMS = tuple(field.name for field in Terms._meta.local_fields)


class PlanVersion(Terms):
    """One version of a plan, which a trigger keeps from changing once it has been on sale: who has it keeps it.

    Prices are cents of `currency`; None is by agreement. `overage_millicents` is the price of each call beyond
    `calls_included`; None: no more are sold.
    """

    id = models.CharField(primary_key=True, max_length=48)
    name = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=80)
    currency = models.CharField(max_length=3, default="usd")
    monthly_price_cents = models.PositiveBigIntegerField(null=True, blank=True)
    yearly_price_cents = models.PositiveBigIntegerField(null=True, blank=True)
    overage_millicents = models.DecimalField(max_digits=15, decimal_places=6, null=True, blank=True)
    support = models.CharField(max_length=80)
    sold_from = models.DateTimeField(null=True, blank=True)
    sold_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="plan_version_is_unique"),
            models.CheckConstraint(
                condition=models.Q(
                    id=Concat("name", models.Value("-"), models.F("version"), output_field=models.TextField())
                ),
                name="plan_version_is_named_by_both",
            ),
            models.CheckConstraint(condition=models.Q(currency__in=CURRENCIES), name="plan_version_currency_has_cents"),
            models.CheckConstraint(
                condition=models.Q(monthly_price_cents=None) | models.Q(monthly_price_cents__range=(0, MAXIMUM_CENTS)),
                name="plan_version_monthly_price_is_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(yearly_price_cents=None) | models.Q(yearly_price_cents__range=(0, MAXIMUM_CENTS)),
                name="plan_version_yearly_price_is_sane",
            ),
            # NaN is above every number.
            models.CheckConstraint(
                condition=models.Q(overage_millicents=None) | models.Q(overage_millicents__range=(0, 100_000_000)),
                name="plan_version_overage_price_is_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(connections=None) | models.Q(connections__range=(1, MAXIMUM_CONNECTIONS)),
                name="plan_version_connections_are_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(audit_days__gte=MINIMUM_AUDIT_DAYS), name="plan_version_keeps_audit_events"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Entitlement(Terms):
    """What a tenant has now: exactly one row for each, which a trigger makes with the tenant, so that one is read.

    `plan` and `standing` are what counts: those of a contract, else what was last granted (`granted_*`), else, where
    that is free, those of a trial until it ends.
    """

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.DB_CASCADE, related_name="+")
    plan = models.ForeignKey(PlanVersion, on_delete=models.DO_NOTHING, db_index=False, related_name="+")
    standing = models.CharField(max_length=16, choices=Standing.choices)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    granted_plan = models.ForeignKey(PlanVersion, on_delete=models.DO_NOTHING, db_index=False, related_name="+")
    granted_standing = models.CharField(max_length=16, choices=Standing.choices)
    granted_until = models.DateTimeField(null=True, blank=True)
    trial_plan = models.ForeignKey(
        PlanVersion, null=True, blank=True, on_delete=models.DO_NOTHING, db_index=False, related_name="+"
    )
    trialed_at = models.DateTimeField(null=True, blank=True)
    trial_until = models.DateTimeField(null=True, blank=True)
    # How many billable calls are left until then before a hard cap of the tenant's own; workers borrow from it.
    calls_left = models.PositiveBigIntegerField(null=True, blank=True)
    calls_until = models.DateTimeField(null=True, blank=True)
    calls_lent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(standing__in=Standing.values), name="entitlement_standing_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(connections=None) | models.Q(connections__range=(1, MAXIMUM_CONNECTIONS)),
                name="entitlement_connections_are_sane",
            ),
            Audited(
                name="entitlement_audited",
                noun="entitlement",
                title="plan_id",
                ignore=("calls_left", "calls_until", "calls_lent_at"),
            ),
            TenantIsolation(name="entitlement_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.standing}"

    @property
    def title(self) -> str:
        """What its plan is called."""
        return self.plan.title

    @property
    def support(self) -> str:
        """The support that its plan gives."""
        return self.plan.support


class EntitlementDue(models.Model):
    """When a tenant's trial or contract ends by itself, whoever's it is: global; holds ids and times."""

    tenant_id = models.UUIDField(primary_key=True)
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.tenant_id)


class Contract(models.Model):
    """What was agreed with one tenant: `limits` (of Terms, by name) instead of its plan's, and on which terms.

    With a `plan` the tenant has that one while the contract lasts; without, the one it has anyhow. `price_cents` is of
    a month, `overage_millicents` of a call beyond those included; None: the plan's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    plan = models.ForeignKey(
        PlanVersion, null=True, blank=True, on_delete=models.DO_NOTHING, db_index=False, related_name="+"
    )
    limits = models.JSONField(default=dict, blank=True)
    price_cents = models.PositiveBigIntegerField(null=True, blank=True)
    overage_millicents = models.DecimalField(max_digits=15, decimal_places=6, null=True, blank=True)
    is_invoiced_by_hand = models.BooleanField(default=False)
    notes = models.TextField(blank=True, max_length=4000)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="contract_id_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(price_cents=None) | models.Q(price_cents__range=(0, MAXIMUM_CENTS)),
                name="contract_price_is_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(overage_millicents=None) | models.Q(overage_millicents__range=(0, 100_000_000)),
                name="contract_overage_price_is_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at=None) | models.Q(ends_at__gte=models.F("starts_at")),
                name="contract_ends_after_it_starts",
            ),
            Audited(name="contract_audited", noun="contract", title="plan_id"),
            TenantIsolation(name="contract_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id or 'limits'} from {self.starts_at:%Y-%m-%d}"
