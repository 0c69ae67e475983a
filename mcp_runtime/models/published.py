"""What the data plane reads: one document per endpoint, and the sessions that were ended."""

import uuid

from django.db import models

from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint


class PublishedEndpoint(models.Model):
    """An endpoint as workers serve it: an encoded `EndpointSnapshot`, replaced in the transaction of each change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    slug = models.CharField(max_length=40)
    version = models.BigIntegerField()
    document = models.BinaryField()
    # While an earlier version is held: what is served below `/preview`, and everywhere once it is let go.
    preview = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="published_endpoint_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint"], name="endpoint_is_published_once"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="published_endpoint_slug_within_tenant"),
            TenantIsolation(name="published_endpoint_isolation"),
            TenantForeignKey(
                name="published_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} v{self.version}"


class EndpointVersion(models.Model):
    """What an endpoint offered at one version: tools, prompts, resources, texts. No secret, no key, nobody's access."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    version = models.BigIntegerField()
    document = models.BinaryField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="endpoint_version_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "version"], name="endpoint_version_once"),
            TenantIsolation(name="endpoint_version_isolation"),
            TenantForeignKey(
                name="endpoint_version_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class EndedSession(models.Model):
    """A legacy session that its client ended with DELETE; remembered until its token would have expired anyway."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    session_digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="ended_session_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "endpoint", "session_digest"], name="ended_session_once"),
            TenantIsolation(name="ended_session_isolation"),
            TenantForeignKey(
                name="ended_session_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "expires_at"], name="ended_session_by_expiry")]

    def __str__(self) -> str:
        return self.session_digest
