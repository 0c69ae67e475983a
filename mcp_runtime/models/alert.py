"""Who is told when an upstream's state changes or of billing, and what waits to be told."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation


class AlertKind(models.TextChoices):
    """How somebody is told."""

    MAIL = "mail", "Mail"
    WEBHOOK = "webhook", "Webhook"


class AlertSubject(models.TextChoices):
    """What an alert tells of, as a webhook's receiver reads it."""

    HEALTH = "upstream.health"
    BILLING = "billing.notice"


class AlertChannel(models.Model):
    """Mail to addresses or, where none are named, to all owners and admins; or a webhook, whose secrets are the
    vault's, by the channel's id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=AlertKind.choices)
    addresses = models.JSONField(default=list, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    # When it was last told something, and why the last attempt failed, if it did.
    told_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="alert_channel_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="alert_channel_name_within_tenant"),
            models.CheckConstraint(condition=models.Q(kind__in=AlertKind.values), name="alert_kind_is_known"),
            Audited(name="alert_channel_audited", noun="alert_channel", ignore=("told_at", "error")),
            TenantIsolation(name="alert_channel_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """What a channel is to be told, all of it in one message. It is written with what it tells of, and deleted once
    it was told or given up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    channel = models.ForeignKey(
        AlertChannel, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="alerts"
    )
    subject = models.CharField(max_length=20, choices=AlertSubject, default=AlertSubject.HEALTH)
    # The earliest first. Of upstreams: {"endpoint", "upstream", "before", "after", "reason", "at"}; of billing: what
    # billing.notices says.
    changes = models.JSONField(default=list)
    is_test = models.BooleanField(default=False)
    # Whether somebody began to tell it: nothing is added from then on.
    begun = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="alert_id_within_tenant"),
            models.CheckConstraint(condition=models.Q(subject__in=AlertSubject.values), name="alert_subject_is_known"),
            TenantIsolation(name="alert_isolation"),
            TenantForeignKey(
                name="alert_channel_of_same_tenant", column="channel_id", to_table="mcp_runtime_alertchannel"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.created_at}"


class AlertDue(models.Model):
    """Which alerts wait, whoever's they are: global, so that one question finds them; holds ids and times."""

    alert_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.alert_id)
