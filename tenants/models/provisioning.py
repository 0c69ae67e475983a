"""Provisioning by SCIM: connections, their tokens, the people they tell of, and what was asked lately."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.models.membership import Membership, Role

LONGEST_USER_NAME = 254


class ScimConnection(models.Model):
    """One identity provider that provisions the tenant. Its people join with `default_role`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=80)
    default_role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="scim_connection_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="scim_connection_name_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(default_role__in=["admin", "developer", "viewer"]),
                name="scim_connection_makes_no_owners",
            ),
            Audited(name="scim_connection_audited", noun="scim_connection"),
            TenantIsolation(name="scim_connection_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class ScimToken(models.Model):
    """What a provider presents. Two may work at once, so that one is exchanged without a gap."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        ScimConnection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="tokens"
    )
    prefix = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="scim_token_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "digest"], name="scim_token_digest_within_tenant"),
            Audited(
                name="scim_token_audited",
                noun="scim_token",
                title="prefix",
                within=("connection_id", "tenants_scimconnection"),
            ),
            TenantIsolation(name="scim_token_isolation"),
            TenantForeignKey(
                name="scim_token_connection_of_same_tenant",
                column="connection_id",
                to_table="tenants_scimconnection",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ScimUser(models.Model):
    """A person as a provider tells of them; `membership` is null until they are a member here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        ScimConnection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="users"
    )
    membership = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    # The resource as it was sent, without what the server says of it (RFC 7643 section 3.1).
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    # For finding: the user name and the addresses case-folded, and the address that the person is known by here.
    user_name = models.CharField(max_length=LONGEST_USER_NAME)
    external_id = models.CharField(max_length=255, blank=True)
    addresses = ArrayField(models.CharField(max_length=320), default=list)
    email = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="scim_user_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "connection", "user_name"], name="scim_user_name_is_unique"),
            # What one says of a member is not contradicted by another.
            models.UniqueConstraint(fields=["tenant", "membership"], name="scim_user_is_one_member"),
            TenantIsolation(name="scim_user_isolation"),
            TenantForeignKey(
                name="scim_user_connection_of_same_tenant", column="connection_id", to_table="tenants_scimconnection"
            ),
            TenantForeignKey(
                name="scim_user_membership_of_same_tenant", column="membership_id", to_table="tenants_membership"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "connection", "email"], name="scim_user_by_email")]

    def __str__(self) -> str:
        return self.user_name


class ScimRequest(models.Model):
    """One request of a provider, for whoever sets it up. Holds no body and no query: people's names are in them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        ScimConnection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="requests"
    )
    at = models.DateTimeField()
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=120)
    status = models.PositiveIntegerField()
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="scim_request_id_within_tenant"),
            TenantIsolation(name="scim_request_isolation"),
            TenantForeignKey(
                name="scim_request_connection_of_same_tenant",
                column="connection_id",
                to_table="tenants_scimconnection",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "connection", "at"], name="scim_request_by_time")]

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"
