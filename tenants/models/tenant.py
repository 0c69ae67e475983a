"""A tenant, and the directory that turns the name in a URL into a tenant."""

import re
import uuid

from django.core.validators import RegexValidator
from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z"
validate_slug = RegexValidator(
    SLUG_PATTERN, "Use 1 to 40 lower case letters, digits and hyphens; start and end with a letter or digit."
)


def is_slug(text: str) -> bool:
    """Whether `text` could name a tenant or an endpoint."""
    return re.match(SLUG_PATTERN, text) is not None


class Tenant(models.Model):
    """An organisation or a person's own space. Everything that is not a person belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(max_length=40, validators=[validate_slug])
    name = models.CharField(max_length=80)
    # How members have to have signed in (tenants/sso/policy.py).
    requires_sso = models.BooleanField(default=False)
    requires_mfa = models.BooleanField(default=False)
    sso_counts_as_mfa = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delete_after = models.DateTimeField(null=True, blank=True)
    # Networks from which its endpoints, and its console and REST API, may be reached; empty: all.
    endpoint_networks = models.JSONField(default=list, blank=True)
    console_networks = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="tenant_slug_is_unique"),
            Audited(name="tenant_audited", noun="tenant"),
            TenantIsolation(
                name="tenant_isolation",
                column="id",
                person_sql='"id" IN (SELECT "tenant_id" FROM "tenants_membership" '
                'WHERE "user_id" = {person} AND "deactivated_at" IS NULL)',
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_being_deleted(self) -> bool:
        return self.delete_after is not None


class TenantSlug(models.Model):
    """Which tenant a slug belongs to, now or formerly; kept for ever, so that no one inherits another's URLs.

    Global on purpose: it is read before it is known whose rows to show, and holds nothing but the pairing.
    """

    slug = models.CharField(primary_key=True, max_length=40)
    tenant_id = models.UUIDField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class TenantPurgeDue(models.Model):
    """When a tenant that is being deleted goes for good, whoever's it is: global, so that one query finds what is due.

    A trigger on tenants keeps it, so that no way of deleting or restoring one is forgotten.
    """

    tenant_id = models.UUIDField(primary_key=True)
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.tenant_id)
