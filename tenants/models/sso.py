"""Single sign-on: connections to identity providers, domains, who was let in by which, and setup links."""

import uuid

from django.conf import settings
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.domain_proof import LONGEST_DOMAIN
from tenants.models.membership import Role


class SsoKind(models.TextChoices):
    """How an identity provider is spoken to."""

    OIDC = "oidc", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class SsoConnection(models.Model):
    """One identity provider of a tenant. `config` is public; secrets and private keys are in `sealed`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=SsoKind.choices)
    config = models.JSONField(default=dict, blank=True)
    sealed = models.TextField(blank=True)
    is_enabled = models.BooleanField(default=False)
    # Whether people whom the provider vouches for become members by signing in.
    makes_members = models.BooleanField(default=True)
    default_role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    # Of each entry: `group`, as the provider names it, and `role`.
    roles = models.JSONField(default=list, blank=True)
    # Whether logins count that nobody here asked for (SAML 2.0 profiles section 4.1.5).
    takes_unsolicited = models.BooleanField(default=False)
    # Whether clients may come with its assertions (ID-JAG) instead of asking the person.
    takes_assertions = models.BooleanField(default=False)
    # What the last trial login came to, of the configuration as it is; empty: none since it was changed.
    trial = models.JSONField(default=dict, blank=True)
    last_login_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="sso_connection_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="sso_connection_name_within_tenant"),
            models.CheckConstraint(condition=models.Q(kind__in=SsoKind.values), name="sso_connection_kind_is_known"),
            # Ownership goes by transfer alone.
            models.CheckConstraint(
                condition=models.Q(default_role__in=[Role.ADMIN, Role.DEVELOPER, Role.VIEWER]),
                name="sso_connection_makes_no_owners",
            ),
            Audited(
                name="sso_connection_audited",
                noun="SSO connection",
                of=(
                    "name",
                    "kind",
                    "config",
                    "is_enabled",
                    "makes_members",
                    "default_role",
                    "roles",
                    "takes_unsolicited",
                    "takes_assertions",
                ),
                ignore=("trial", "last_error", "last_login_at", "refreshed_at"),
                redact=("config",),
            ),
            TenantIsolation(name="sso_connection_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class SsoDomain(models.Model):
    """A domain of mail addresses that a tenant says is its own; DNS tells whether it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=LONGEST_DOMAIN)
    token = models.CharField(max_length=64)
    verified_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    # Since when the record of a verified domain is gone.
    missing_since = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="sso_domain_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="sso_domain_name_within_tenant"),
            Audited(
                name="sso_domain_audited",
                noun="domain",
                of=("verified_at", "missing_since"),
                ignore=("token", "checked_at", "last_error"),
            ),
            TenantIsolation(name="sso_domain_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class SsoDomainHolder(models.Model):
    """Whose a verified domain is: one tenant's at most.

    Global on purpose: signing in begins with an address, before it is known whose rows to show.
    """

    name = models.CharField(primary_key=True, max_length=LONGEST_DOMAIN)
    tenant_id = models.UUIDField(db_index=True)

    def __str__(self) -> str:
        return self.name


class SsoIdentity(models.Model):
    """A person as a connection's provider knows them; `groups` is what it said at their last login."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        SsoConnection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    subject = models.TextField(max_length=1000)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    groups = models.JSONField(default=list, blank=True)
    last_login_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="sso_identity_id_within_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "connection", "subject"], name="sso_identity_subject_within_connection"
            ),
            Audited(name="sso_identity_audited", noun="SSO identity", title="user_id", of=("user_id",)),
            TenantIsolation(name="sso_identity_isolation"),
            TenantForeignKey(
                name="sso_identity_connection_of_same_tenant",
                column="connection_id",
                to_table="tenants_ssoconnection",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.subject}"


class SsoSession(models.Model):
    """A console session that a provider let somebody into: while this row is there, it stands.

    `index` is the provider's name of it (OIDC `sid`, SAML SessionIndex); `sealed` what the provider wants to be shown
    when the person signs out here.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    identity = models.ForeignKey(
        SsoIdentity, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    index = models.TextField(max_length=1000, blank=True)
    sealed = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="sso_session_id_within_tenant"),
            TenantIsolation(name="sso_session_isolation"),
            TenantForeignKey(
                name="sso_session_identity_of_same_tenant", column="identity_id", to_table="tenants_ssoidentity"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "identity"], name="sso_session_of_identity")]

    def __str__(self) -> str:
        return f"session {self.pk}"


class SsoSetupLink(models.Model):
    """A link with which somebody without an account configures one connection; its token is stored as a digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        SsoConnection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    token_digest = models.CharField(max_length=64)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="sso_setup_link_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "token_digest"], name="sso_setup_link_token_within_tenant"),
            Audited(name="sso_setup_link_audited", noun="setup link", title="connection_id", of=("revoked_at",)),
            TenantIsolation(name="sso_setup_link_isolation"),
            TenantForeignKey(
                name="sso_setup_link_connection_of_same_tenant",
                column="connection_id",
                to_table="tenants_ssoconnection",
            ),
        ]

    def __str__(self) -> str:
        return f"setup link {self.pk}"
