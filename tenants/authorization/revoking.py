"""Revocation (RFC 7009) and introspection (RFC 7662) by clients, of their own tokens alone."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import UnsupportedTokenTypeError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from django.utils import timezone

from core import keys
from tenants.authorization import grants, own_tokens, tokens
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.issuers import issuer_of
from tenants.models import ClientGrant, RefreshToken

REVOCATION, INTROSPECTION = RevocationEndpoint.ENDPOINT_NAME, IntrospectionEndpoint.ENDPOINT_NAME
BY_CLIENT = "its client revoked it"


@dataclass(frozen=True, slots=True)
class Found:
    """A token that was presented: an access token, or a refresh token's row."""

    access: own_tokens.OwnToken | None = None
    refresh: RefreshToken | None = None

    @property
    def grant_id(self) -> str:
        """What it was issued by."""
        return str(self.access.claims["grant"] if self.access is not None else self.refresh and self.refresh.grant_id)

    def check_client(self, client: KnownClient) -> bool:
        """Whether it was issued to `client`."""
        if self.access is not None:
            return bool(self.access.claims["client_id"] == client.get_client_id())
        return self.refresh is not None and self.refresh.grant.client_id == client.id

    def is_expired(self) -> bool:
        """Whether its time is over."""
        row = self.refresh
        return row is not None and min(row.expires_at, row.grant.expires_at) <= timezone.now()

    def is_revoked(self) -> bool:
        """Whether it was ended before its time."""
        row = self.refresh
        return row is not None and (row.used_at is not None or row.grant.revoked_at is not None)


class Revocation(RevocationEndpoint):
    """Ends the grant of a token: its refresh tokens and its access tokens at every worker."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> Found | None:
        """The token, whatever the hint says."""
        del token_type_hint
        return _found(self.server.tenant_id, token_string)

    def revoke_token(self, token: Found, request: Asked) -> None:
        """Whoever gives up one token of a grant gives up the grant (RFC 7009 section 2.1).

        Raises UnsupportedTokenTypeError for a token that was exchanged: its grant is another client's.
        """
        grant_id = token.grant_id
        grant = ClientGrant.objects.filter(pk=grant_id).first()
        if grant is not None and grant.client_id != request.client.id:
            raise UnsupportedTokenTypeError("A token that was exchanged ends by itself, or with what it came from.")
        if grant is not None:
            grants.grant_end(grant, BY_CLIENT)
        else:  # a client's own token, which nobody's consent stands behind
            cut_off(self.server.tenant_id, f"grant:{grant_id}", BY_CLIENT)


class Introspection(IntrospectionEndpoint):
    """Tells a client that proves itself what a token of its own is good for."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> Found | None:
        """The token, whatever the hint says."""
        del token_type_hint
        return _found(self.server.tenant_id, token_string)

    def check_permission(self, token: Found, client: KnownClient, request: Asked) -> bool:
        """Whether the token is this client's; to others it is not active."""
        del request
        return token.check_client(client)

    def introspect_token(self, token: Found) -> dict[str, Any]:
        """RFC 7662 section 2.2."""
        issuer = issuer_of(self.server.tenant_id)
        if token.access is not None:
            said = token.access.claims
            names = ("aud", "sub", "client_id", "scope", "iat", "exp", "jti", "iss")
            bound = said.get("cnf", {})
            said = {name: said[name] for name in names} | ({"cnf": bound} if bound else {})
            return {"token_type": tokens.token_type(bound)} | said
        assert token.refresh is not None  # noqa: S101  one or the other
        grant = token.refresh.grant
        said = {"iss": issuer, "aud": grant.resource, "sub": str(grant.user_id), "scope": grant.scopes}
        return said | {"client_id": grant.client.client_id, "exp": int(token.refresh.expires_at.timestamp())}


def _found(tenant_id: Any, token: str) -> Found | None:
    if token.startswith(tokens.REFRESH):
        rows = RefreshToken.objects.select_related("grant__client").filter(digest=keys.digest(token))
        return Found(refresh=found) if (found := rows.first()) is not None else None
    access = own_tokens.read(tenant_id, token)
    return None if access is None else Found(access=access)
