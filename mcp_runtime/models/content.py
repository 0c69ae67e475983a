"""What an endpoint offers besides tools: prompts, and resources single or by template."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint, validate_tool_name


class Prompt(models.Model):
    """One prompt of an endpoint: what clients see of it, and the source that writes its messages."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="prompts"
    )
    name = models.CharField(max_length=64, validators=[validate_tool_name])
    title = models.CharField(max_length=80, blank=True)
    description = models.TextField(max_length=4000, blank=True)
    # [{"name", "title", "description", "required"}], as the protocol has them.
    arguments = models.JSONField(default=list, blank=True)
    # `_meta` and `icons`, passed on as they are.
    meta = models.JSONField(default=dict, blank=True)
    icons = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=32)
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
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="prompt_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "name"], name="prompt_name_within_endpoint"),
            models.UniqueConstraint(fields=["tenant", "definition"], name="prompt_of_a_definition"),
            Audited(
                name="prompt_audited",
                noun="prompt",
                within=("endpoint_id", "mcp_runtime_endpoint"),
                unless="definition_id",
            ),
            TenantIsolation(name="prompt_isolation"),
            TenantForeignKey(
                name="prompt_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
            TenantForeignKey(
                name="prompt_definition_of_same_tenant", column="definition_id", to_table="mcp_runtime_definition"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """One resource of an endpoint, or (`is_template`) a family of them whose URI is an RFC 6570 template."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="resources"
    )
    uri = models.CharField(max_length=1000)
    is_template = models.BooleanField(default=False)
    name = models.CharField(max_length=100)
    title = models.CharField(max_length=80, blank=True)
    description = models.TextField(max_length=4000, blank=True)
    mime_type = models.CharField(max_length=100, blank=True)
    # `_meta` and `icons` of the resource, passed on as they are: MCP Apps' `ui`, for one.
    meta = models.JSONField(default=dict, blank=True)
    icons = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=32)
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
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="resource_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "uri"], name="resource_uri_within_endpoint"),
            models.UniqueConstraint(fields=["tenant", "definition"], name="resource_of_a_definition"),
            Audited(
                name="resource_audited",
                noun="resource",
                title="uri",
                within=("endpoint_id", "mcp_runtime_endpoint"),
                unless="definition_id",
            ),
            TenantIsolation(name="resource_isolation"),
            TenantForeignKey(
                name="resource_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
            TenantForeignKey(
                name="resource_definition_of_same_tenant", column="definition_id", to_table="mcp_runtime_definition"
            ),
        ]

    def __str__(self) -> str:
        return self.uri
