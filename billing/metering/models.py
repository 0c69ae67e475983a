"""What Stripe is told of calls (an outbox, so that each is told once), what may be spent on them, and who heard."""

import uuid

from django.db import models

from billing.plans.models import MAXIMUM_CENTS
from core.audited import Audited
from core.rls import TenantIsolation


class ReportState(models.TextChoices):
    """How far a report came."""

    WAITING = "waiting"
    SENT = "sent"
    # Stripe would not have it, or did not say for too long whether it has: somebody has to look.
    FAILED = "failed"
    # There was no subscription any more that it could be billed with: nobody pays for it.
    WAIVED = "waived"


class Report(models.Model):
    """Billable calls of one hour that no earlier report told; the id is what Stripe knows an event by.

    `at` is the time under which they are told, and so the period that they are billed with. It is set once, before the
    first try: the hour's, or that of the try where the hour's period is over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    hour = models.DateTimeField()
    calls = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=ReportState, default=ReportState.WAITING)
    at = models.DateTimeField(null=True)
    customer = models.CharField(max_length=255, blank=True)
    tries = models.PositiveIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.hour:%Y-%m-%d %H}: {self.state}"


class ReportDue(models.Model):
    """A report that waits. Global, so that one question finds what is due whoever's it is; it holds ids and times."""

    report_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.report_id} at {self.due_at}"


class UsageReport(Report):
    """Calls of a tenant, on their way to the platform's meter."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(calls__gt=0), name="usage_report_has_calls"),
            models.CheckConstraint(
                condition=models.Q(state__in=ReportState.values), name="usage_report_state_is_known"
            ),
            TenantIsolation(name="usage_report_isolation"),
        ]
        indexes = [
            models.Index(fields=["tenant", "hour"], name="usage_report_by_hour"),
            models.Index(fields=["tenant", "at"], name="usage_report_by_time"),
        ]


class UsageReportDue(ReportDue):
    """Those of them that wait."""


class SpendingCap(models.Model):
    """What a tenant wants to spend at most, in a period, on calls beyond those included: cents of its plan's currency.

    A hard one refuses further calls.
    """

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.DB_CASCADE, related_name="+")
    cents = models.PositiveBigIntegerField()
    is_hard = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(cents__range=(0, MAXIMUM_CENTS)), name="spending_cap_is_sane"),
            Audited(name="spending_cap_audited", noun="spending cap", title="cents"),
            TenantIsolation(name="spending_cap_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.cents} {'hard' if self.is_hard else 'soft'}"


class AlertAbout(models.TextChoices):
    """What something was reached of."""

    INCLUDED = "included"
    CAP = "cap"


class UsageAlert(models.Model):
    """That so much was reached in the period that began then; `told_at` is when the tenant heard."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    period = models.DateTimeField()
    about = models.CharField(max_length=10, choices=AlertAbout)
    percent = models.PositiveSmallIntegerField()
    calls = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "period", "about", "percent"], name="usage_alert_is_once"),
            TenantIsolation(name="usage_alert_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.about}"
