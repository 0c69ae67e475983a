"""Keys of the REST API."""

import uuid

from django.conf import settings
from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation
from tenants.models.membership import Role


class ApiKey(models.Model):
    """A key that acts on the REST API with one role in one tenant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="api_keys")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=Role.choices)
    prefix = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="api_key_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "digest"], name="api_key_digest_within_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="api_key_role_is_known"),
            Audited(name="api_key_audited", noun="api_key"),
            TenantIsolation(name="api_key_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
