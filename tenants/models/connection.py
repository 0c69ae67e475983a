"""OAuth 2 at upstreams' providers: as whom we are known there, what is connected, and what was revoked."""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation

LONGEST_ISSUER = 500
LONGEST_URL = 2048


class OAuthClient(models.Model):
    """What a provider knows a tenant's connections as; `provider` is its metadata as it was last checked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    issuer = models.CharField(max_length=LONGEST_ISSUER)
    provider = models.JSONField()
    way = models.CharField(max_length=16)
    client_id = models.TextField(max_length=1000)
    # The registration, its secret included; bound to the issuer, so that it is shown to no other.
    sealed = models.TextField()
    redirect_uri = models.TextField(max_length=LONGEST_URL)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="oauth_client_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "issuer"], name="oauth_client_issuer_within_tenant"),
            TenantIsolation(name="oauth_client_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} at {self.issuer}"

    @property
    def login_host(self) -> str:
        """Where people are sent to log in, as they would know it."""
        return urlsplit(str(self.provider["authorization_endpoint"])).netloc


class ConnectionState(models.TextChoices):
    """Whether a connection's tokens can be used."""

    CONNECTED = "connected", "Connected"
    NEEDS_LOGIN = "needs_login", "Needs login"
    REVOKED = "revoked", "Revoked"


class GrantType(models.TextChoices):
    """How a connection's tokens are got."""

    CODE = "authorization_code", "A person logs in"
    CLIENT = "client_credentials", "The client itself"
    EXCHANGE = "token_exchange", "Exchange of another connection's token"


class Connection(models.Model):
    """One account at one provider, for one holder: of the tenant, or with `user` of one member alone.

    A holder may have several with different labels; those who call use the one that is chosen.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    holder = models.UUIDField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    label = models.CharField(max_length=80, blank=True)
    is_chosen = models.BooleanField(default=True)
    # Where the token may be sent, and what it is asked for (RFC 8707).
    destination = models.TextField(max_length=LONGEST_URL)
    resource = models.TextField(max_length=LONGEST_URL, blank=True)
    client = models.ForeignKey(
        OAuthClient, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    grant_type = models.CharField(max_length=24, choices=GrantType.choices, default=GrantType.CODE)
    # Whose token is exchanged for this connection's.
    subject = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    # What logins ask for, and what its upstream asked for since: the next login asks for both.
    scopes = models.TextField(max_length=2000, blank=True)
    further_scopes = models.TextField(max_length=2000, blank=True, default="", db_default="")
    # The token set, bound to this row and its destination; empty unless connected.
    sealed = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=ConnectionState.choices, default=ConnectionState.NEEDS_LOGIN)
    last_error = models.TextField(max_length=500, blank=True)
    # Rises with each token set that is stored.
    generation = models.PositiveIntegerField(default=0)
    # Who refreshes holds the row until then; the number tells one attempt from the next.
    refreshing_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    # After a failure that may pass: how many in a row, and when it may be tried again.
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    connected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    refreshed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="connection_id_within_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "holder", "user", "label"],
                name="connection_label_within_holder",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["tenant", "holder", "user"],
                condition=models.Q(is_chosen=True),
                name="connection_chosen_within_holder",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(state="connected") | models.Q(sealed=""), name="connection_keeps_no_ended_tokens"
            ),
            Audited(
                name="connection_audited",
                noun="connection",
                title="label",
                of=("label", "is_chosen", "state", "scopes", "destination", "connected_at"),
            ),
            TenantIsolation(name="connection_isolation"),
            TenantForeignKey(
                name="connection_client_of_same_tenant", column="client_id", to_table="tenants_oauthclient"
            ),
            TenantForeignKey(
                name="connection_subject_of_same_tenant", column="subject_id", to_table="tenants_connection"
            ),
        ]

    def __str__(self) -> str:
        return self.label or str(self.holder)

    @property
    def wants_login(self) -> bool:
        """Whether a login would make it do what it does not do now."""
        return self.state != ConnectionState.CONNECTED or bool(self.further_scopes)


class Login(models.Model):
    """A person on their way to a provider and back: one browser session, ten minutes, one answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state_digest = models.CharField(max_length=64)
    browser_digest = models.CharField(max_length=64)
    sealed = models.TextField()  # the proof key (RFC 7636)
    redirect_uri = models.TextField(max_length=LONGEST_URL)
    scopes = models.TextField(blank=True, default="", db_default="")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "state_digest"], name="login_state_within_tenant"),
            TenantIsolation(name="login_isolation"),
            TenantForeignKey(
                name="login_connection_of_same_tenant", column="connection_id", to_table="tenants_connection"
            ),
        ]

    def __str__(self) -> str:
        return f"login of {self.user_id}"
