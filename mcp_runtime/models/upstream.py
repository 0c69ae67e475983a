"""Upstreams of an endpoint, what each offers, and the runs that find that out."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint

# So that `connect_<slug>` and `<slug>_<tool>` are names of tools.
UPSTREAM_SLUG_PATTERN = r"^[a-z][a-z0-9_]{0,23}\Z"
validate_upstream_slug = RegexValidator(
    UPSTREAM_SLUG_PATTERN, "Use 1 to 24 small letters, digits and underscores; begin with a letter."
)
validate_prefix = RegexValidator(r"^[A-Za-z0-9_.-]{0,32}\Z", "Use at most 32 letters, digits, underscores and dots.")


class HealthState(models.TextChoices):
    """What is known of an upstream; `mcp_runtime.sources.upstream.Health` as people read it."""

    OK = "ok", "OK"
    DEGRADED = "degraded", "Degraded"
    DOWN = "down", "Down"
    NEEDS_LOGIN = "needs_login", "Needs login"
    DENIED = "denied", "Denied"


class Form(models.TextChoices):
    """What a definition becomes."""

    TOOL = "tool", "Tool"
    PROMPT = "prompt", "Prompt"
    RESOURCE = "resource", "Resource"


class RunState(models.TextChoices):
    """How far an import is."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Upstream(models.Model):
    """Something outside that an endpoint offers tools of. Its secrets are the vault's, by its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="upstreams"
    )
    slug = models.CharField(max_length=24, validators=[validate_upstream_slug])
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=32)
    config = models.JSONField(default=dict, blank=True)
    # What was uploaded or pasted: a document, a schema, a database file. Never part of what is published.
    material = models.BinaryField(null=True, blank=True)
    # Put before the names of its tools and prompts.
    prefix = models.CharField(max_length=32, blank=True, validators=[validate_prefix])
    # Rises with each change of what it is opened with, its secrets included.
    revision = models.PositiveIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    speaks = models.CharField(max_length=200, blank=True)
    instructions = models.TextField(blank=True)
    health = models.CharField(max_length=16, choices=HealthState.choices, default=HealthState.OK)
    health_reason = models.TextField(max_length=1000, blank=True)
    health_since = models.DateTimeField(db_default=Now())
    # Taken out of service, until somebody puts it back, because it kept failing.
    quarantined_at = models.DateTimeField(null=True, blank=True)
    discovered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="upstream_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "slug"], name="upstream_slug_within_endpoint"),
            models.CheckConstraint(condition=models.Q(health__in=HealthState.values), name="upstream_health_is_known"),
            Audited(
                name="upstream_audited",
                noun="upstream",
                title="slug",
                ignore=("health", "health_reason", "health_since", "discovered_at", "revision", "speaks"),
                redact=("material",),
                within=("endpoint_id", "mcp_runtime_endpoint"),
                of=("slug", "name", "kind", "config", "prefix", "enabled", "quarantined_at"),
            ),
            TenantIsolation(name="upstream_isolation"),
            TenantForeignKey(
                name="upstream_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Definition(models.Model):
    """One thing that an upstream offers. What was approved is pinned and served; what differs from it waits.

    `pinned` and `offered` are a draft of `sources.contract` as JSON. `offered` is null where the upstream offers what
    is pinned, `pinned` where nobody approved anything yet.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    upstream = models.ForeignKey(
        Upstream, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="definitions"
    )
    form = models.CharField(max_length=16, choices=Form.choices)
    # The upstream's own name, or URI.
    name = models.CharField(max_length=1000)
    pinned = models.JSONField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    offered = models.JSONField(null=True, blank=True)
    is_gone = models.BooleanField(default=False)
    # [{"rule", "place", "excerpt"}] of what waits, or of what is pinned where nothing waits.
    findings = models.JSONField(default=list, blank=True)
    # `mcp_runtime.curation.shape.Curation` as JSON.
    curation = models.JSONField(default=dict, blank=True)
    # Whether clients get it, once it is approved.
    chosen = models.BooleanField(default=True)
    # Why it is approved and chosen, and not served all the same: another has its name, for one.
    obstacle = models.TextField(blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="definition_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "upstream", "form", "name"], name="definition_once"),
            models.CheckConstraint(condition=models.Q(form__in=Form.values), name="definition_form_is_known"),
            TenantIsolation(name="definition_isolation"),
            TenantForeignKey(
                name="definition_upstream_of_same_tenant", column="upstream_id", to_table="mcp_runtime_upstream"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """`new`, `approved`, `drifted` or `gone`."""
        if self.is_gone:
            return "gone"
        if self.pinned is None:
            return "new"
        return "approved" if self.offered is None else "drifted"


class ImportRun(models.Model):
    """One look at all that an upstream offers. It changes everything at its end or, where it fails, nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    upstream = models.ForeignKey(
        Upstream, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="runs"
    )
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    # How far it is, and what it is doing; a `total` of 0 is not known.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    doing = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    # {"new", "changed", "gone", "unchanged", "refused"}: how many.
    counts = models.JSONField(default=dict, blank=True)
    # [{"name", "reason"}], the first of them.
    refused = models.JSONField(default=list, blank=True)
    # Whether what nothing was found in is approved at once.
    approves_clean = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="import_run_id_within_tenant"),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="import_run_state_is_known"),
            TenantIsolation(name="import_run_isolation"),
            TenantForeignKey(
                name="import_run_upstream_of_same_tenant", column="upstream_id", to_table="mcp_runtime_upstream"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "upstream", "created_at"], name="import_run_by_upstream")]

    def __str__(self) -> str:
        return f"{self.state} {self.created_at}"


class ImportSchedule(models.Model):
    """Import runs that somebody has to perform. Global on purpose, like `TaskSchedule`: ids and times alone."""

    run_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    wake_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.run_id)


class UpstreamSchedule(models.Model):
    """When an upstream has to be probed next. Global on purpose, too."""

    upstream_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField(db_index=True)
    wake_at = models.DateTimeField(db_index=True)
    # Until then somebody probes it.
    leased_until = models.DateTimeField()
    # When a worker last said that calls to it fail, whatever probes say.
    calls_failed_at = models.DateTimeField(null=True, blank=True)
    # When it last said itself that what it offers changed.
    changed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.upstream_id)
