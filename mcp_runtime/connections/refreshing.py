"""New tokens for old ones, once for all processes: whoever claims the row asks the provider, the others wait for it.

The claim is a lease in the row, not a lock in a transaction: no transaction waits for a provider, and a process that
dies with a claim leaves it to another when the lease has run out. If the provider had taken the refresh token already,
that other hears `invalid_grant`, and somebody has to log in again.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.jitter import jittered
from core.outbound import Client
from mcp_runtime.connections.rows import CONNECTED, Account, Claim, Rows
from mcp_runtime.lines import DatabaseAway
from tenants.vault.oauth.failures import PASSING_CODES, OAuthFailed, ProviderAway, ProviderRefused
from tenants.vault.oauth.tokens import TokenSet, by_client, by_exchange, by_refresh

logger = logging.getLogger(__name__)

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.1
# How long new tokens are worth trying to store while the database is away: as long as the lease.
STORE_SECONDS = 25.0
STORE_PAUSE = 0.5
CLOSE_SECONDS = 5.0
CLIENT_CREDENTIALS, EXCHANGE = "client_credentials", "token_exchange"
NO_REFRESH = "The login ran out, and the provider gave no means to renew it."
UNREADABLE = "Its tokens cannot be opened any more."

type Clock = Callable[[], float]


class NeedsLogin(Exception):
    """Somebody has to log in again; the message says why, in a sentence."""


class Refresher:
    """Refreshes connections in one event loop. `clock` tells seconds since the epoch."""

    def __init__(self, rows: Rows, http: Client, clock: Clock = time.time) -> None:
        self._rows = rows
        self._http = http
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    async def refreshed(self, tenant_id: str, connection_id: str, generation: int) -> None:
        """Returns when the connection's tokens are newer than `generation`, whoever got them.

        Goes on when its caller is cancelled. Raises NeedsLogin, OAuthFailed and DatabaseAway.
        """
        await asyncio.shield(self.begun(tenant_id, connection_id, generation))

    def begun(self, tenant_id: str, connection_id: str, generation: int) -> asyncio.Task[None]:
        """The same, begun and not waited for: one for all who ask in this process."""
        task = self._running.get(connection_id)
        if task is None:
            work = self._refreshed(tenant_id, connection_id, generation)
            task = self._running[connection_id] = asyncio.create_task(work, name="connection refreshes")
            task.add_done_callback(lambda task: self._ended(connection_id, task))
        return task

    async def close(self) -> None:
        """Lets what is under way end, for a while: a refresh token that is lost on the way is lost for good."""
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=CLOSE_SECONDS)

    def _ended(self, connection_id: str, task: asyncio.Task[None]) -> None:
        del self._running[connection_id]
        if not task.cancelled():
            task.exception()  # seen by those who wait, of whom there may be none

    async def _refreshed(self, tenant_id: str, connection_id: str, generation: int) -> None:
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            claimed = await self._rows.claim(tenant_id, connection_id, generation)
            if claimed is not None:
                return await self._renew(tenant_id, *claimed)
            if await self._is_done(tenant_id, connection_id, generation):
                return None
            await asyncio.sleep(jittered(LOOK_SECONDS))
        raise ProviderAway("Its login is being renewed, which takes longer than it should.")

    async def _is_done(self, tenant_id: str, connection_id: str, generation: int) -> bool:
        standing = await self._rows.standing(tenant_id, connection_id)
        if standing is None or standing.state != CONNECTED:
            raise NeedsLogin(standing.last_error if standing is not None else "")
        if standing.generation != generation:
            return True
        if standing.is_resting and not standing.is_refreshing:
            raise ProviderAway(standing.last_error)
        return False

    async def _renew(self, tenant_id: str, keyring: Keyring, claim: Claim) -> None:
        try:
            got = await self._got(tenant_id, keyring, claim)
        except (Forged, KeyGone):
            await self._rows.end(tenant_id, claim, UNREADABLE)
            raise NeedsLogin(UNREADABLE) from None
        except NeedsLogin as needed:
            await self._rows.end(tenant_id, claim, str(needed))
            raise
        except OAuthFailed as failed:
            await self._failed(tenant_id, claim, failed)
            raise
        await self._stored(tenant_id, claim, got)

    async def _failed(self, tenant_id: str, claim: Claim, failed: OAuthFailed) -> None:
        if isinstance(failed, ProviderRefused) and failed.code not in PASSING_CODES:
            await self._rows.end(tenant_id, claim, str(failed))
            raise NeedsLogin(str(failed)) from None
        await self._rows.fail(tenant_id, claim, str(failed))

    async def _got(self, tenant_id: str, keyring: Keyring, claim: Claim) -> TokenSet:
        provider, registration = claim.metadata(), claim.registration(keyring)
        http, resource = self._http, claim.resource
        if claim.grant_type == CLIENT_CREDENTIALS:
            return await by_client(http, provider, registration, scopes=claim.scopes, resource=resource)
        if claim.grant_type == EXCHANGE:
            subject = await self._fresh(tenant_id, claim.subject)
            return await by_exchange(
                http, provider, registration, subject_token=subject, scopes=claim.scopes, resource=resource
            )
        tokens = claim.tokens(keyring)
        if not tokens.refresh_token:
            raise NeedsLogin(NO_REFRESH)
        return await by_refresh(http, provider, registration, tokens=tokens, resource=resource)

    async def _fresh(self, tenant_id: str, connection_id: str) -> str:
        """The access token of another connection, which is exchanged for ours."""
        keyring, account = await self._account(tenant_id, connection_id)
        tokens = account.tokens(keyring)
        if tokens.expires_at is not None and tokens.expires_at <= self._clock():
            await self.refreshed(tenant_id, connection_id, account.generation)
            keyring, account = await self._account(tenant_id, connection_id)
            tokens = account.tokens(keyring)
        return tokens.access_token

    async def _account(self, tenant_id: str, connection_id: str) -> tuple[Keyring, Account]:
        found = await self._rows.account(tenant_id, connection_id)
        if found is None or found[1].state != CONNECTED:
            raise NeedsLogin("The login whose token is exchanged for its own is missing.")
        return found

    async def _stored(self, tenant_id: str, claim: Claim, got: TokenSet) -> None:
        """Stores what the provider will not give again, also when the database is away for a moment."""
        until = time.monotonic() + STORE_SECONDS
        while True:
            try:
                return await self._rows.store(tenant_id, claim, got)
            except DatabaseAway:
                if time.monotonic() > until:
                    logger.error("new tokens of connection %s could not be stored", claim.id)
                    raise
                await asyncio.sleep(jittered(STORE_PAUSE))
