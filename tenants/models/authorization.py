"""A tenant's authorization server: the clients it knows, what people granted them, and digests of codes and tokens."""

import uuid

from django.conf import settings
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation

LONGEST_CLIENT_ID = 250  # a subject that is cut off by its name has to fit (Cutoff.subject)
LONGEST_URL = 2048


class ClientKind(models.TextChoices):
    """How a client became known."""

    REGISTERED = "registered", "Registered by a person"
    DYNAMIC = "dynamic", "Registered itself"
    DOCUMENT = "document", "Described by a document of its own"


class AuthMethod(models.TextChoices):
    """How a client proves who it is (RFC 7591 section 2)."""

    NONE = "none", "It is public"
    BASIC = "client_secret_basic", "A secret, in a header"
    POST = "client_secret_post", "A secret, in the body"
    SIGNED = "private_key_jwt", "A signature with its own key"


class McpClient(models.Model):
    """A program that asks for access to a tenant's endpoints (RFC 6749 section 2)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=16, choices=ClientKind.choices)
    client_id = models.CharField(max_length=LONGEST_CLIENT_ID)
    name = models.CharField(max_length=100)
    redirect_uris = models.JSONField(default=list, blank=True)
    grant_types = models.JSONField(default=list, blank=True)
    auth_method = models.CharField(max_length=24, choices=AuthMethod.choices, default=AuthMethod.NONE)
    secret_digest = models.CharField(max_length=64, blank=True)
    jwks = models.JSONField(null=True, blank=True)
    jwks_uri = models.CharField(max_length=LONGEST_URL, blank=True)
    # The most that it may be granted; empty: whatever people grant it.
    scopes = models.CharField(max_length=500, blank=True)
    # The endpoints that it may act at for itself; null: all of the tenant.
    endpoints = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Of a document: until when it may be believed without being read again.
    fresh_until = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="mcp_client_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "client_id"], name="mcp_client_client_id_within_tenant"),
            models.CheckConstraint(
                condition=models.Q(auth_method__startswith="client_secret") ^ models.Q(secret_digest=""),
                name="mcp_client_has_a_secret_if_it_uses_one",
            ),
            Audited(name="mcp_client_audited", noun="client", ignore=("fresh_until",), redact=("secret_digest",)),
            TenantIsolation(name="mcp_client_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class GrantOrigin(models.TextChoices):
    """How a grant came about."""

    CONSENT = "consent", "Allowed in a browser"
    DEVICE = "device", "Allowed with a device's code"
    ASSERTION = "assertion", "Allowed by the company's identity provider"


class ClientGrant(models.Model):
    """What one person lets one client do at one endpoint, by one login; its tokens end with it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    client = models.ForeignKey(
        McpClient, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="grants"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    origin = models.CharField(max_length=16, choices=GrantOrigin.choices, default=GrantOrigin.CONSENT)
    endpoint = models.UUIDField()
    # The endpoint's URL as the client asked for it (RFC 8707).
    resource = models.CharField(max_length=LONGEST_URL)
    scopes = models.CharField(max_length=500)
    redirect_uri = models.CharField(max_length=LONGEST_URL, blank=True)
    # Whether its person had come by the tenant's single sign-on when they let it in.
    by_sso = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # When another client last had a token of it exchanged for one of its own.
    exchanged_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="client_grant_id_within_tenant"),
            Audited(name="client_grant_audited", noun="grant", title="resource", ignore=("expires_at", "exchanged_at")),
            TenantIsolation(name="client_grant_isolation"),
            TenantForeignKey(
                name="client_grant_client_of_same_tenant", column="client_id", to_table="tenants_mcpclient"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "client", "user"], name="client_grant_by_client")]

    def __str__(self) -> str:
        return f"{self.scopes} at {self.resource}"


class AuthorizationCode(models.Model):
    """A code on its way through a browser (RFC 6749 section 4.1.2). Used ones are kept, to tell a second use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    grant = models.ForeignKey(
        ClientGrant, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.CharField(max_length=64)
    # As the request named it; empty where it named none.
    redirect_uri = models.CharField(max_length=LONGEST_URL, blank=True)
    code_challenge = models.CharField(max_length=128)
    # The thumbprint of the key that has to be proved with it (RFC 9449 section 10); empty for none.
    proof_key = models.CharField(max_length=43, blank=True, default="")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="authorization_code_digest_within_tenant"),
            TenantIsolation(name="authorization_code_isolation"),
            TenantForeignKey(
                name="authorization_code_grant_of_same_tenant", column="grant_id", to_table="tenants_clientgrant"
            ),
        ]

    def __str__(self) -> str:
        return f"code of {self.grant_id}"


class RefreshToken(models.Model):
    """One link of a grant's chain of refresh tokens. Used ones stay while the grant does, to tell a second use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    grant = models.ForeignKey(
        ClientGrant, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="refresh_tokens"
    )
    digest = models.CharField(max_length=64)
    # The same (RFC 9449 section 5).
    proof_key = models.CharField(max_length=43, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="refresh_token_digest_within_tenant"),
            TenantIsolation(name="refresh_token_isolation"),
            TenantForeignKey(
                name="refresh_token_grant_of_same_tenant", column="grant_id", to_table="tenants_clientgrant"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "grant"], name="refresh_token_by_grant")]

    def __str__(self) -> str:
        return f"refresh token of {self.grant_id}"


class DeviceCode(models.Model):
    """A device that waits for somebody to type its code (RFC 8628). Used ones are kept, to tell a second use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    client = models.ForeignKey(
        McpClient, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.CharField(max_length=64)
    # Short enough to be tried out, and so digested with the platform's secret.
    user_code_digest = models.CharField(max_length=64)
    # The endpoint's URL as the device asked for it; empty where the person is to choose.
    resource = models.CharField(max_length=LONGEST_URL, blank=True)
    scopes = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    interval_seconds = models.PositiveIntegerField()
    polled_at = models.DateTimeField(null=True, blank=True)
    # What the person said: a grant, or no.
    grant = models.ForeignKey(
        ClientGrant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    refused_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="device_code_digest_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "user_code_digest"], name="device_user_code_within_tenant"),
            TenantIsolation(name="device_code_isolation"),
            TenantForeignKey(
                name="device_code_client_of_same_tenant", column="client_id", to_table="tenants_mcpclient"
            ),
            TenantForeignKey(
                name="device_code_grant_of_same_tenant", column="grant_id", to_table="tenants_clientgrant"
            ),
        ]

    def __str__(self) -> str:
        return f"device code of {self.client_id}"


class AuthorizationPolicy(models.Model):
    """What a tenant lets clients do by themselves. Without a row, what stands here as defaults."""

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.CASCADE, related_name="+")
    dynamic_registration = models.BooleanField(default=True)
    # Hosts of client ID metadata documents: empty allows all that are not denied.
    allowed_hosts = models.JSONField(default=list, blank=True)
    denied_hosts = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            Audited(name="authorization_policy_audited", noun="authorization_policy", title="tenant_id"),
            TenantIsolation(name="authorization_policy_isolation"),
        ]

    def __str__(self) -> str:
        return f"policy of {self.tenant_id}"
