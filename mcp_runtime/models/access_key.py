"""Keys that MCP clients present."""

import uuid

from django.conf import settings
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint


class AccessKey(models.Model):
    """A key for one endpoint, all of its tools or those in `tools`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="access_keys"
    )
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    # Names of the tools it may list and call; null means all, also those made later.
    tools = models.JSONField(null=True, blank=True)
    # How many calls it may make; null: as many as the tenant.
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    # Of a buyer: what was bought, while which stands the key works; it is a layer below (billing/resale).
    purchase_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="access_key_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "digest"], name="access_key_digest_within_tenant"),
            Audited(name="access_key_audited", noun="access_key", within=("endpoint_id", "mcp_runtime_endpoint")),
            TenantIsolation(name="access_key_isolation"),
            TenantForeignKey(
                name="access_key_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
            TenantForeignKey(
                name="access_key_purchase_of_same_tenant", column="purchase_id", to_table="billing_purchase"
            ),
            models.UniqueConstraint(
                fields=["tenant", "purchase_id"],
                condition=models.Q(revoked_at=None),
                name="access_key_one_of_a_purchase",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "endpoint"], name="access_key_by_endpoint")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
