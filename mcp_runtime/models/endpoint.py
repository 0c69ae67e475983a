"""An MCP endpoint and the tools it offers."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.authorization.gate import BOTH, OWN, TRUSTED
from tenants.models.tenant import validate_slug

# The intersection of what the specification (1-128) and the conformance suite (1-64) accept.
TOOL_NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,64}\Z"
validate_tool_name = RegexValidator(TOOL_NAME_PATTERN, "Use 1 to 64 letters, digits, underscores, dots and hyphens.")


class Access(models.TextChoices):
    """Who may call an endpoint."""

    KEY = "key", "With an access key"
    OPEN = "open", "Anyone"


class TaskSupport(models.TextChoices):
    """Whether a call of a tool may become a task that outlives its request."""

    FORBIDDEN = "forbidden", "Never"
    OPTIONAL = "optional", "If the client can"
    REQUIRED = "required", "Always"


class LoginsAt(models.TextChoices):
    """Whose access tokens an endpoint takes, and where clients are sent to log in."""

    OWN = OWN, "Here"
    TRUSTED = TRUSTED, "At the issuers that you trust"
    BOTH = BOTH, "Here, and at the issuers that you trust"


class Endpoint(models.Model):
    """One URL that MCP clients connect to. `version` rises with every change of anything it serves."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="endpoints")
    slug = models.CharField(max_length=40, validators=[validate_slug])
    name = models.CharField(max_length=80)
    instructions = models.TextField(max_length=4000, blank=True)
    # What clients and catalogues show of the endpoint.
    description = models.CharField(max_length=100, blank=True)
    website_url = models.CharField(max_length=2000, blank=True)
    icons = models.JSONField(default=list, blank=True)
    # Whether the tenant's catalogue names it to whoever asks.
    listed = models.BooleanField(default=False)
    # Whether it is what is at the tenant's host itself.
    is_default = models.BooleanField(default=False)
    access = models.CharField(max_length=8, choices=Access.choices, default=Access.KEY)
    allowed_origins = models.JSONField(default=list, blank=True)
    # Whether access tokens have to be bound to a key of their client's (RFC 9449).
    requires_proof = models.BooleanField(default=False)
    logins = models.CharField(max_length=8, choices=LoginsAt.choices, default=LoginsAt.OWN)
    # The cord was pulled: what callers are told since when, and who did it. Empty while it is in service.
    stopped_message = models.CharField(max_length=500, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    version = models.BigIntegerField(default=0)
    # The version whose content is served whatever is changed meanwhile; null: the latest.
    held_version = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="endpoint_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="endpoint_slug_within_tenant"),
            models.CheckConstraint(condition=models.Q(access__in=Access.values), name="endpoint_access_is_known"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="endpoint_default_is_one"
            ),
            models.CheckConstraint(condition=models.Q(logins__in=LoginsAt.values), name="endpoint_logins_are_known"),
            Audited(name="endpoint_audited", noun="endpoint", title="slug", ignore=("version",)),
            TenantIsolation(name="endpoint_isolation"),
        ]

    def __str__(self) -> str:
        return self.slug


class Tool(models.Model):
    """One tool of an endpoint: what clients see of it, and the source that answers its calls."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="tools"
    )
    name = models.CharField(max_length=64, validators=[validate_tool_name])
    title = models.CharField(max_length=80, blank=True)
    description = models.TextField(max_length=4000, blank=True)
    input_schema = models.JSONField()
    output_schema = models.JSONField(null=True, blank=True)
    annotations = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=32)
    # What an upstream offers, of which this tool is made; it is changed there.
    definition = models.ForeignKey(
        "mcp_runtime.Definition",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    config = models.JSONField(default=dict, blank=True)
    # Values that are written and never read back: {name: sealed value}, bound to tenant and tool.
    secrets = models.JSONField(default=dict, blank=True)
    # `_meta` and `icons` of the tool, passed on as they are (MCP Apps' `ui`, for one).
    meta = models.JSONField(default=dict, blank=True)
    icons = models.JSONField(default=list, blank=True)
    task = models.CharField(max_length=16, choices=TaskSupport.choices, default=TaskSupport.FORBIDDEN)
    # How many calls it takes, whoever makes them; null: as many as the tenant may make.
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="tool_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "name"], name="tool_name_within_endpoint"),
            models.UniqueConstraint(fields=["tenant", "definition"], name="tool_of_a_definition"),
            Audited(
                name="tool_audited",
                noun="tool",
                within=("endpoint_id", "mcp_runtime_endpoint"),
                unless="definition_id",
            ),
            TenantIsolation(name="tool_isolation"),
            TenantForeignKey(
                name="tool_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
            TenantForeignKey(
                name="tool_definition_of_same_tenant", column="definition_id", to_table="mcp_runtime_definition"
            ),
        ]

    def __str__(self) -> str:
        return self.name
