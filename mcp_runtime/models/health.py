"""What probes of upstreams found of late, and each change of an upstream's state."""

import uuid

from django.conf import settings
from django.db import models

from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.upstream import Upstream


class BoardState(models.TextChoices):
    """The state of an upstream as people read it: its health, or that it is out of service."""

    OK = "ok", "OK"
    DEGRADED = "degraded", "Degraded"
    DOWN = "down", "Down"
    NEEDS_LOGIN = "needs_login", "Needs login"
    DENIED = "denied", "Denied"
    QUARANTINED = "quarantined", "Quarantined"


class Evidence(models.TextChoices):
    """What a change of state came of."""

    PROBE = "probe", "A probe"
    CALLS = "calls", "Calls that failed"
    PERSON = "person", "A person"


def board_state(upstream: Upstream) -> str:
    """The upstream's state, as a `BoardState`."""
    return BoardState.QUARANTINED if upstream.quarantined_at else upstream.health


class Watch(models.Model):
    """What looks at an upstream came to, so that the next one can be judged. One for each that was looked at."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    upstream = models.ForeignKey(
        Upstream, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="watches"
    )
    # The last looks as letters of `health.judging`, the newest last.
    outcomes = models.CharField(max_length=10, blank=True)
    # How many looks in a row were not well.
    failures = models.PositiveIntegerField(default=0)
    looked_at = models.DateTimeField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(default=0)
    # Whether and who asked to have it put back into service, and why it was not.
    release_asked_at = models.DateTimeField(null=True, blank=True)
    release_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    release_failed = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "upstream"], name="watch_once"),
            TenantIsolation(name="watch_isolation"),
            TenantForeignKey(
                name="watch_upstream_of_same_tenant", column="upstream_id", to_table="mcp_runtime_upstream"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upstream_id} {self.outcomes}"


class HealthEvent(models.Model):
    """One change of an upstream's state. `seconds` is how long it had been in the state before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    upstream = models.ForeignKey(
        Upstream, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="health_events"
    )
    before = models.CharField(max_length=16, choices=BoardState.choices)
    after = models.CharField(max_length=16, choices=BoardState.choices)
    reason = models.TextField(blank=True)
    evidence = models.CharField(max_length=16, choices=Evidence.choices)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    at = models.DateTimeField()
    seconds = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="health_event_id_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(before__in=BoardState.values, after__in=BoardState.values),
                name="health_event_states_are_known",
            ),
            TenantIsolation(name="health_event_isolation"),
            TenantForeignKey(
                name="health_event_upstream_of_same_tenant", column="upstream_id", to_table="mcp_runtime_upstream"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "upstream", "at"], name="health_event_by_upstream")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
