"""Rules of an endpoint: which tools the members of a group may use."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint
from tenants.models import Group
from tenants.models.group import LONGEST_GROUP_NAME


class ToolRule(models.Model):
    """Members of a group may use the tools that `patterns` name: a whole name, or a beginning and `*`.

    One whose group was deleted stays: without it the last rule's end would open the endpoint to every member.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="tool_rules"
    )
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    group_name = models.CharField(max_length=LONGEST_GROUP_NAME)
    patterns = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="tool_rule_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "group"], name="tool_rule_of_group"),
            Audited(
                name="tool_rule_audited",
                noun="tool_rule",
                title="group_name",
                within=("endpoint_id", "mcp_runtime_endpoint"),
            ),
            TenantIsolation(name="tool_rule_isolation"),
            TenantForeignKey(
                name="tool_rule_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
            TenantForeignKey(name="tool_rule_group_of_same_tenant", column="group_id", to_table="tenants_group"),
        ]

    def __str__(self) -> str:
        return f"{self.group_name}: {self.patterns}"
