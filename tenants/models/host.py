"""Host names that tenants bring along for their endpoints, and the directory that says whose a name is."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation
from tenants.domain_proof import LONGEST_DOMAIN


class EndpointHost(models.Model):
    """A host name that a tenant says is its own, for one of its endpoints; DNS tells whether it is.

    `missing_since` is when its record was first not found again; after a while it is `withdrawn_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.UUIDField()
    name = models.CharField(max_length=LONGEST_DOMAIN)
    token = models.CharField(max_length=64)
    verified_at = models.DateTimeField(null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="endpoint_host_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="endpoint_host_name_within_tenant"),
            Audited(
                name="endpoint_host_audited",
                noun="host",
                of=("endpoint", "verified_at", "missing_since", "withdrawn_at"),
                ignore=("token", "checked_at", "last_error"),
            ),
            TenantIsolation(name="endpoint_host_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class HostHolder(models.Model):
    """Whose a verified host name is, and which endpoint is there: one tenant's at most.

    Global on purpose: a worker reads it before it is known whose rows to show. `look_at` is when its record is looked
    for again.
    """

    name = models.CharField(primary_key=True, max_length=LONGEST_DOMAIN)
    tenant_id = models.UUIDField(db_index=True)
    endpoint_id = models.UUIDField()
    look_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
