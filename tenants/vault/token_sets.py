"""Connections' token sets as rows: stored when they are got, taken out of use when they are revoked.

Each runs inside the tenant's context.
"""

from datetime import UTC, datetime

from django.db.models import F
from django.utils import timezone

from core.envelope import Keyring
from tenants.models import Connection, ConnectionState, User
from tenants.vault.oauth import tokens
from tenants.vault.oauth.tokens import TokenSet
from tenants.vault.purposes import TOKENS, tokens_row


def tokens_of(keyring: Keyring, connection: Connection) -> TokenSet:
    """The tokens in clear. Raises core.crypto.Forged, core.envelope.KeyGone, and Forged where there are none."""
    return tokens.decode(keyring.unseal(TOKENS, connection.sealed, *_place(connection)))


def tokens_stored(keyring: Keyring, connection: Connection, got: TokenSet, by: User | None) -> None:
    """Makes a connection connected. A refresh that is under way meanwhile cannot overwrite what is stored here."""
    Connection.objects.filter(pk=connection.pk).update(
        sealed=keyring.seal(TOKENS, tokens.encode(got), *_place(connection)),
        expires_at=None if got.expires_at is None else datetime.fromtimestamp(got.expires_at, UTC),
        state=ConnectionState.CONNECTED,
        last_error="",
        generation=F("generation") + 1,
        attempt=F("attempt") + 1,
        refreshing_until=None,
        failures=0,
        retry_at=None,
        connected_at=timezone.now(),
        connected_by=by,
    )


def tokens_dropped(connection: Connection, state: ConnectionState, why: str = "") -> None:
    """Takes a connection's tokens out of use, at once and for every worker."""
    Connection.objects.filter(pk=connection.pk).update(
        sealed="",
        expires_at=None,
        state=state,
        last_error=why[:500],
        generation=F("generation") + 1,
        attempt=F("attempt") + 1,
        refreshing_until=None,
        failures=0,
        retry_at=None,
    )


def token_sets_resealed(keyring: Keyring) -> int:
    """Seals all token sets of the tenant in context with the keyring's current key; how many they were."""
    rows = list(Connection.objects.select_for_update(of=("self",)).select_related("client").exclude(sealed=""))
    for connection in rows:
        sealed = keyring.resealed(TOKENS, connection.sealed, *_place(connection))
        Connection.objects.filter(pk=connection.pk).update(sealed=sealed)
    return len(rows)


def _place(connection: Connection) -> tuple[str, ...]:
    return tokens_row(connection.pk, connection.destination, connection.client.issuer)
