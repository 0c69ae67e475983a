"""Issuers of access tokens that a tenant trusts beside, or instead of, its own authorization server."""

import uuid

from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.authorization.gate import BY_EMAIL, BY_SSO, EXTERNAL
from tenants.models.sso import SsoConnection

LONGEST_URL = 2_048
LONGEST_NAME = 100


class TrustedPeople(models.TextChoices):
    """Who the subject of a token is here."""

    EXTERNAL = EXTERNAL, "Somebody from outside, by the issuer's own name"
    SSO = BY_SSO, "The member who signs in by a connection with this subject"
    EMAIL = BY_EMAIL, "The member with this verified address, at a domain of yours"


class TrustedIssuer(models.Model):
    """One issuer. `keys` are those that were fetched last, and stay while its key set cannot be read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=LONGEST_NAME)
    issuer = models.CharField(max_length=LONGEST_URL)
    # Empty: found by discovery.
    jwks_url = models.CharField(max_length=LONGEST_URL, blank=True)
    # Empty: the address of each endpoint.
    audience = models.CharField(max_length=LONGEST_URL, blank=True)
    algorithms = models.JSONField()
    takes_plain = models.BooleanField(default=False)
    people = models.CharField(max_length=16, choices=TrustedPeople.choices, default=TrustedPeople.EXTERNAL)
    connection = models.ForeignKey(
        SsoConnection, null=True, blank=True, on_delete=models.CASCADE, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    subject_claim = models.CharField(max_length=LONGEST_NAME, default="sub")
    scope_claim = models.CharField(max_length=LONGEST_NAME, default="scope")
    # What a value of that claim means here; and what a token has that says nothing of it.
    scopes = models.JSONField(default=dict, blank=True)
    default_scope = models.CharField(max_length=16, blank=True)
    groups_claim = models.CharField(max_length=LONGEST_NAME, blank=True)
    groups = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=1)
    keys = models.JSONField(default=list, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="trusted_issuer_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "issuer"], name="trusted_issuer_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(people__in=TrustedPeople.values), name="trusted_issuer_people_are_known"
            ),
            models.CheckConstraint(
                condition=models.Q(people=TrustedPeople.SSO) ^ models.Q(connection=None),
                name="trusted_issuer_has_a_connection_if_it_uses_one",
            ),
            Audited(
                name="trusted_issuer_audited",
                noun="trusted issuer",
                ignore=("keys", "fetched_at", "last_error", "revision"),
            ),
            TenantIsolation(name="trusted_issuer_isolation"),
            TenantForeignKey(
                name="trusted_issuer_connection_of_same_tenant",
                column="connection_id",
                to_table="tenants_ssoconnection",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TokenRefusal(models.Model):
    """How often workers refused tokens of one issuer in a day (UTC), and why: sums, and nothing of what they said.

    Tokens of issuers that nobody here trusts are under `trusted.NOBODYS`. Workers write it and forget what is over.
    """

    pk = models.CompositePrimaryKey("tenant", "issuer_id", "day", "reason")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    issuer_id = models.UUIDField()
    day = models.DateField()
    # The check that failed, or the claim that says who somebody is.
    reason = models.CharField(max_length=LONGEST_NAME)
    times = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [TenantIsolation(name="token_refusal_isolation")]

    def __str__(self) -> str:
        return f"{self.reason} {self.day}"


class IssuerWatch(models.Model):
    """When an issuer's keys are looked at next, and which audience it holds for its tenant.

    Global on purpose: one query finds what is due, whoever's it is, and no two tenants take the same tokens.
    """

    issuer_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField(db_index=True)
    wake_at = models.DateTimeField(db_index=True)
    # When somebody last looked, successfully or not.
    looked_at = models.DateTimeField(null=True, blank=True)
    # A digest of issuer and audience; null where tokens are for endpoints' addresses, which are one tenant's anyway.
    holds = models.CharField(max_length=64, null=True, blank=True, unique=True)

    def __str__(self) -> str:
        return str(self.issuer_id)
