"""Refresh tokens: each is good once, and whoever comes second ends the whole grant (RFC 9700 section 4.14).

Two threads of one client may present the same token at once, and an answer may be lost on its way. So for half a minute
the second gets the very successor that the first got. It is derived from its predecessor with the platform's secret:
it need not be stored to be told again.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from core import crypto, keys
from tenants.authorization import grants, tokens
from tenants.authorization.clients import KnownClient
from tenants.models import ClientGrant, RefreshToken

GRACE = timedelta(seconds=30)
SUCCESSION = "refresh token succession"


@dataclass(frozen=True, slots=True)
class Held:
    """A refresh token that was presented and is good. `is_again`: it was used just now, by a twin."""

    row: RefreshToken
    grant: ClientGrant
    is_again: bool = False

    def check_client(self, client: KnownClient) -> bool:
        """Whether it was issued to `client`."""
        return self.grant.client_id == client.id

    def get_scope(self) -> str:
        """What was granted."""
        return self.grant.scopes


def first(grant: ClientGrant, client: KnownClient) -> str:
    """The first refresh token of a grant; a public client's is bound to the key that it proved to hold."""
    token = tokens.secret(tokens.REFRESH)
    _stored(grant, token, client.refresh_key)
    return token


def held(token: str, client: KnownClient) -> Held | None:
    """What a presented token stands for; None when it is not good. One that was used before ends its grant."""
    row = RefreshToken.objects.filter(digest=keys.digest(token), grant__client=client.row).first()
    # One that is bound to a key is nothing without it: whoever stole it cannot even end the grant.
    if row is None or (row.proof_key and row.proof_key != client.proof_key):
        return None
    # Whoever comes second waits here, and then sees what the first did.
    grant = ClientGrant.objects.select_for_update(no_key=True).get(pk=row.grant_id)
    row.refresh_from_db()
    now = timezone.now()
    if grant.revoked_at is not None or min(grant.expires_at, row.expires_at) <= now:
        return None
    if row.used_at is None:
        return Held(row, grant)
    if now - row.used_at <= GRACE and _is_unused(successor(token)):
        return Held(row, grant, is_again=True)
    grants.grant_end(grant, grants.TWICE)
    return None


def succeeded(presented: Held, token: str) -> str:
    """The token that comes after `token`, which is used up with this."""
    following = successor(token)
    if not presented.is_again:
        _stored(presented.grant, following, presented.row.proof_key)
        RefreshToken.objects.filter(pk=presented.row.pk).update(used_at=timezone.now())
    return following


def successor(token: str) -> str:
    """The one token that can come after `token`; nobody without the platform's secret can tell it."""
    return tokens.REFRESH + crypto.encode(crypto.sign(SUCCESSION, token.encode()))


def _is_unused(token: str) -> bool:
    return RefreshToken.objects.filter(digest=keys.digest(token), used_at=None).exists()


def _stored(grant: ClientGrant, token: str, proof_key: str) -> None:
    RefreshToken.objects.create(
        tenant_id=grant.tenant_id,
        grant=grant,
        digest=keys.digest(token),
        proof_key=proof_key,
        expires_at=timezone.now() + grants.LIFETIME,
    )
