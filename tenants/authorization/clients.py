"""Clients as the grants see them, and the ways to find one."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from authlib.oauth2.rfc6749 import ClientMixin
from django.utils import timezone

from core import keys
from core.tenancy import tenant_context
from tenants.authorization import redirects, scopes
from tenants.authorization.grant_types import CODE, PROVEN_ALONE
from tenants.models import AuthMethod, ClientKind, McpClient

SECRET_METHODS = frozenset({AuthMethod.BASIC, AuthMethod.POST})
USE_RESOLUTION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class KnownClient(ClientMixin):
    """A client of the tenant, with the answers that Authlib's grants ask for.

    `proof_key` is the thumbprint of the key that it proved to hold with this request (RFC 9449); empty for none.
    """

    row: McpClient
    proof_key: str = ""

    @property
    def id(self) -> UUID:
        """Of the row."""
        return self.row.pk

    @property
    def asks_always(self) -> bool:
        """Whether any program on the person's machine could be this client, so that no consent is remembered."""
        return self.row.kind != ClientKind.REGISTERED and self.row.auth_method == AuthMethod.NONE

    @property
    def refresh_key(self) -> str:
        """The key that its refresh tokens are bound to: those of public clients alone (RFC 9449 section 5)."""
        return self.proof_key if self.row.auth_method == AuthMethod.NONE else ""

    def may_act_at(self, endpoint_id: UUID) -> bool:
        """Whether it may act for itself at an endpoint."""
        return self.row.endpoints is None or str(endpoint_id) in self.row.endpoints

    def get_client_id(self) -> str:
        """Its public name."""
        return self.row.client_id

    def get_default_redirect_uri(self) -> str | None:
        """The one that is meant where none was named; None where several are registered."""
        return self.row.redirect_uris[0] if len(self.row.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of `scope` it may ask for; None where nothing is left."""
        asked = scopes.understood(scope or "")
        return (scopes.within(asked, self.row.scopes) if self.row.scopes else asked) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether people may be sent there."""
        return any(redirects.matches(registered, redirect_uri) for registered in self.row.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret."""
        return bool(self.row.secret_digest) and hmac.compare_digest(self.row.secret_digest, keys.digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may prove itself so. A secret may come either way: the MCP specification's examples differ."""
        del endpoint  # the same everywhere
        return method == self.row.auth_method or (method in SECRET_METHODS and self.row.auth_method in SECRET_METHODS)

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may ask for codes."""
        return response_type == "code" and CODE in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use a grant."""
        is_proven = self.row.auth_method != AuthMethod.NONE
        return grant_type in self.row.grant_types and (is_proven or grant_type not in PROVEN_ALONE)


def stored_client(tenant_id: UUID, client_id: str) -> KnownClient | None:
    """A client that is stored, as it is stored. Opens a tenant context of its own."""
    with tenant_context(tenant_id):
        row = McpClient.objects.filter(client_id=client_id).first()
    return None if row is None else KnownClient(row)


def note_use(row: McpClient) -> None:
    """Remembers that a client was used, to the minute. Inside a tenant context."""
    now = timezone.now()
    if row.last_used_at is None or (now - row.last_used_at).total_seconds() > USE_RESOLUTION_SECONDS:
        McpClient.objects.filter(pk=row.pk).update(last_used_at=now)
