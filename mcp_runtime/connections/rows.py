"""The vault's rows as a worker reads and writes them: sealed, each in a transaction of its tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from core.envelope import Keyring
from mcp_runtime.lines import ENTER, Connection, Line
from tenants.vault.oauth import errand, registration, tokens
from tenants.vault.oauth.errand import errand_for
from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration
from tenants.vault.oauth.tokens import TokenSet
from tenants.vault.purposes import CLIENT, REVOCATION, TOKENS, client_row, own_row, tokens_row

CONNECTED = "connected"
# Longer than an exchange may take: whoever dies with it leaves it to another then.
LEASE = "interval '30 seconds'"
LONGEST_ERROR = 500
_KEYS = "SELECT version, wrapped FROM tenants_tenantkey WHERE tenant_id = %s AND destroyed_at IS NULL"
_SECRETS = "SELECT name, destination, sealed FROM tenants_secret WHERE tenant_id = %s AND holder = %s"
_ACCOUNT = """
    SELECT c.id::text, coalesce(c.user_id::text, ''), c.destination, k.issuer, c.state, c.sealed, c.generation,
           c.last_error, c.scopes, c.further_scopes
    FROM tenants_connection c JOIN tenants_oauthclient k ON k.tenant_id = c.tenant_id AND k.id = c.client_id
    WHERE c.tenant_id = %s
"""
_CHOSEN = _ACCOUNT + " AND c.holder = %s AND c.is_chosen"
_ONE = _ACCOUNT + " AND c.id = %s"
_CLAIM = f"""
    UPDATE tenants_connection c SET attempt = c.attempt + 1, refreshing_until = now() + {LEASE}
    FROM tenants_oauthclient k
    WHERE k.tenant_id = c.tenant_id AND k.id = c.client_id AND c.tenant_id = %s AND c.id = %s
      AND c.state = 'connected' AND c.generation = %s
      AND (c.refreshing_until IS NULL OR c.refreshing_until < now()) AND (c.retry_at IS NULL OR c.retry_at < now())
    RETURNING c.id::text, c.attempt, c.grant_type, c.scopes, c.resource, c.destination, c.sealed,
              coalesce(c.subject_id::text, ''), k.issuer, k.provider, k.sealed, c.holder::text, c.label
"""  # noqa: S608  the interval is a constant of ours
_STANDING = """
    SELECT state, generation, coalesce(refreshing_until > now(), false), coalesce(retry_at > now(), false), last_error
    FROM tenants_connection WHERE tenant_id = %s AND id = %s
"""
_STORE = """
    UPDATE tenants_connection SET sealed = %s, expires_at = to_timestamp(%s), generation = generation + 1,
        refreshing_until = NULL, failures = 0, retry_at = NULL, refreshed_at = now(), last_error = ''
    WHERE tenant_id = %s AND id = %s AND attempt = %s AND state = 'connected' RETURNING 1
"""
_END = """
    UPDATE tenants_connection SET state = 'needs_login', sealed = '', expires_at = NULL, generation = generation + 1,
        refreshing_until = NULL, retry_at = NULL, failures = 0, last_error = %s
    WHERE tenant_id = %s AND id = %s AND attempt = %s AND state = 'connected'
"""
_END_REFUSED = """
    UPDATE tenants_connection SET state = 'needs_login', sealed = '', expires_at = NULL, generation = generation + 1,
        attempt = attempt + 1, refreshing_until = NULL, retry_at = NULL, failures = 0, last_error = %s
    WHERE tenant_id = %s AND id = %s AND generation = %s AND state = 'connected'
"""
_FAIL = """
    UPDATE tenants_connection SET refreshing_until = NULL, failures = failures + 1, last_error = %s,
        retry_at = now() + least(power(2, least(failures, 6)), 60) * interval '1 second'
    WHERE tenant_id = %s AND id = %s AND attempt = %s AND state = 'connected'
"""
# Nobody logs in for the other grants. Who is later than another says it again with the next refusal.
_ASK_FURTHER = """
    UPDATE tenants_connection SET further_scopes = %s
    WHERE tenant_id = %s AND id = %s AND further_scopes = %s AND grant_type = 'authorization_code'
"""
_STATE = "SELECT state FROM tenants_connection WHERE tenant_id = %s AND id = %s"
_RECEIPT = """
    INSERT INTO tenants_revocation (id, tenant_id, connection_id, holder, label, issuer, reason, requested_at, sealed,
                                    tokens, outcome, last_error, attempts)
    VALUES (%s, %s, %s, %s, %s, %s, 'came after it was disconnected', now(), %s, %s, 'pending', '', 0)
"""
_DUE = "INSERT INTO tenants_revocationdue (revocation_id, tenant_id, due_at) VALUES (%s, %s, now())"


class SecretRow(NamedTuple):
    """A static secret, sealed."""

    name: str
    destination: str
    sealed: str


class Account(NamedTuple):
    """A connection, its tokens sealed. `user` is "" for one of the tenant's."""

    id: str
    user: str
    destination: str
    issuer: str
    state: str
    sealed: str
    generation: int
    last_error: str
    scopes: str
    further_scopes: str

    def tokens(self, keyring: Keyring) -> TokenSet:
        """The tokens in clear. Raises core.crypto.Forged and core.envelope.KeyGone."""
        place = tokens_row(self.id, self.destination, self.issuer)
        return tokens.decode(keyring.unseal(TOKENS, self.sealed, *place))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the vault holds for one holder; nothing in it is in clear."""

    keyring: Keyring
    secrets: tuple[SecretRow, ...] = field(repr=False)
    accounts: Mapping[str, Account] = field(repr=False)  # by the user's id, "" for the tenant's


class Claim(NamedTuple):
    """A connection that is ours to refresh, until its lease runs out: everything that takes, sealed."""

    id: str
    attempt: int
    grant_type: str
    scopes: str
    resource: str
    destination: str
    sealed: str
    subject: str
    issuer: str
    provider: dict[str, Any]
    client: str
    holder: str
    label: str

    def tokens(self, keyring: Keyring) -> TokenSet:
        """The tokens in clear. Raises Forged and KeyGone."""
        return tokens.decode(keyring.unseal(TOKENS, self.sealed, *self.place))

    def registration(self, keyring: Keyring) -> Registration:
        """The registration in clear. Raises Forged and KeyGone."""
        return registration.decode(keyring.unseal(CLIENT, self.client, *client_row(self.issuer)))

    def metadata(self) -> ProviderMetadata:
        """The provider."""
        return msgspec.convert(self.provider, ProviderMetadata)

    @property
    def place(self) -> tuple[str, ...]:
        """What its tokens are bound to."""
        return tokens_row(self.id, self.destination, self.issuer)


class Standing(NamedTuple):
    """How a connection stands that is not ours to refresh."""

    state: str
    generation: int
    is_refreshing: bool
    is_resting: bool
    last_error: str


class Rows:
    """The rows, over one connection. Every method raises DatabaseAway."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def holdings(self, tenant_id: str, holder: str) -> Holdings:
        """All that is held for a holder."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            secrets = await (await connection.execute(_SECRETS, (tenant_id, holder))).fetchall()
            accounts = await (await connection.execute(_CHOSEN, (tenant_id, holder))).fetchall()
            keyring = await _keyring(connection, tenant_id)
        found = [Account(*row) for row in accounts]
        return Holdings(
            keyring, tuple(SecretRow(*row) for row in secrets), {account.user: account for account in found}
        )

    async def account(self, tenant_id: str, connection_id: str) -> tuple[Keyring, Account] | None:
        """One connection, and the keys that open it."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            row = await (await connection.execute(_ONE, (tenant_id, connection_id))).fetchone()
            return None if row is None else (await _keyring(connection, tenant_id), Account(*row))

    async def claim(self, tenant_id: str, connection_id: str, generation: int) -> tuple[Keyring, Claim] | None:
        """The connection to refresh, unless it is of another generation, not connected, held or resting."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            row = await (await connection.execute(_CLAIM, (tenant_id, connection_id, generation))).fetchone()
            return None if row is None else (await _keyring(connection, tenant_id), Claim(*row))

    async def standing(self, tenant_id: str, connection_id: str) -> Standing | None:
        """How it stands; None when it is gone."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            row = await (await connection.execute(_STANDING, (tenant_id, connection_id))).fetchone()
            return None if row is None else Standing(*row)

    async def store(self, tenant_id: str, claim: Claim, got: TokenSet) -> None:
        """Stores new tokens. If the connection was disconnected meanwhile, they are revoked instead."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            # Held against a rotation of the key, as whoever seals does (tenants.vault.keyrings).
            keyring = await _keyring(connection, tenant_id, " FOR SHARE")
            sealed = keyring.seal(TOKENS, tokens.encode(got), *claim.place)
            row = (sealed, got.expires_at, tenant_id, claim.id, claim.attempt)
            if await (await connection.execute(_STORE, row)).fetchone() is None:
                await _revoke_unless_connected(connection, keyring, claim, got)

    async def end(self, tenant_id: str, claim: Claim, why: str) -> None:
        """Somebody has to log in again."""
        await self._said(_END, (why[:LONGEST_ERROR], tenant_id, claim.id, claim.attempt))

    async def end_refused(self, tenant_id: str, account: Account, why: str) -> None:
        """The same, for tokens of this generation that the upstream does not take."""
        await self._said(_END_REFUSED, (why[:LONGEST_ERROR], tenant_id, account.id, account.generation))

    async def ask_further(self, tenant_id: str, account: Account, scopes: str) -> None:
        """Has the next login ask for these scopes as well."""
        await self._said(_ASK_FURTHER, (scopes, tenant_id, account.id, account.further_scopes))

    async def fail(self, tenant_id: str, claim: Claim, why: str) -> None:
        """It did not work now; after a pause anybody may try again."""
        await self._said(_FAIL, (why[:LONGEST_ERROR], tenant_id, claim.id, claim.attempt))

    async def _said(self, statement: str, values: tuple[Any, ...]) -> None:
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (values[1],))
            await connection.execute(statement.encode(), values)


async def _keyring(connection: Connection, tenant_id: str, lock: str = "") -> Keyring:
    rows = await (await connection.execute(f"{_KEYS}{lock}".encode(), (tenant_id,))).fetchall()
    return Keyring(tenant_id, dict(rows))


async def _revoke_unless_connected(connection: Connection, keyring: Keyring, claim: Claim, got: TokenSet) -> None:
    """Whoever refreshed later than its lease leaves the tokens alone: revoking them would end the other's as well."""
    tenant_id = keyring.tenant_id
    row = await (await connection.execute(_STATE, (tenant_id, claim.id))).fetchone()
    provider = claim.metadata()
    if (row is not None and row[0] == CONNECTED) or not provider.revocation_endpoint:
        return
    told = errand_for(provider, claim.registration(keyring), got)
    receipt = str(uuid4())
    sealed = keyring.seal(REVOCATION, errand.encode(told), *own_row(receipt))
    values = (receipt, tenant_id, claim.id, claim.holder, claim.label, claim.issuer, sealed, len(told.tokens))
    await connection.execute(_RECEIPT, values)
    await connection.execute(_DUE, (receipt, tenant_id))
