"""Which access token a caller's request to an upstream carries, and what becomes of one that is not taken."""

import time
from contextlib import suppress

from core.crypto import Forged
from core.envelope import KeyGone
from core.outbound import Client
from mcp_runtime.connections.holding import Holding
from mcp_runtime.connections.refreshing import UNREADABLE, Clock, NeedsLogin, Refresher
from mcp_runtime.connections.rows import CONNECTED, Account, Holdings, Rows
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.vault.oauth.challenges import Challenge, bearer_challenge
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.scopes import united, without
from tenants.vault.oauth.tokens import TokenSet

MEMBER = "member:"
TENANTS_OWN = ""
# Before its end a token is renewed, and used meanwhile: a minute, or a fifth of a life that is short.
EARLY_SECONDS = 60.0
EARLY_PART = 5.0
# A token this young that is not taken will not be taken by being renewed either.
YOUNG_SECONDS = 20.0
ELSEWHERE = "Its login was made for another address. Log in again."
NOT_TAKEN = "It does not take the token that its provider issued. Log in again."
LOG_IN = "Somebody has to log in."


type Place = tuple[str, str, str]  # the tenant's id, the holder's, and where the token goes


class Tokens:
    """Access tokens for upstreams, in one event loop. `clock` tells seconds since the epoch."""

    def __init__(self, rows: Rows, holding: Holding, http: Client, clock: Clock = time.time) -> None:
        self._rows = rows
        self._holding = holding
        self._refresher = Refresher(rows, http, clock)
        self._clock = clock

    async def close(self) -> None:
        """Lets refreshes that are under way end."""
        await self._refresher.close()

    async def token(self, tenant_id: str, holder: str, destination: str, principal: str) -> str | None:
        """See `Credentials.token`. While another renews a token, the old one is used for as long as it lasts.

        Raises UpstreamFailed: NEEDS_LOGIN, or DOWN where the provider is away and nothing is left that works.
        """
        holdings = await self._holding.of(tenant_id, holder)
        if not holdings.accounts:
            return None
        account = _account(holdings, principal)
        tokens = _opened(holdings, account, destination)
        if tokens.expires_at is None or self._clock() < _early(tokens.expires_at, tokens.issued_at):
            return tokens.access_token
        if self._clock() < tokens.expires_at:
            self._refresher.begun(tenant_id, account.id, account.generation)
            return tokens.access_token
        await self._renewed(tenant_id, holder, account)
        return (await self._now(tenant_id, holder, destination, principal)).access_token

    async def are_members_alone(self, tenant_id: str, holder: str) -> bool:
        """Whether members have connected the holder, each for themselves, and the tenant has not.

        Raises UpstreamFailed while the database is away.
        """
        accounts = (await self._holding.of(tenant_id, holder)).accounts
        return bool(accounts) and TENANTS_OWN not in accounts

    async def rejected(self, place: Place, principal: str, token: str, challenge: str) -> bool:
        """See `Credentials.rejected`. Renews the token once for all who were refused with it."""
        tenant_id, holder, destination = place
        told = bearer_challenge(challenge)
        self._holding.changed(tenant_id, holder)
        holdings = await self._holding.of(tenant_id, holder)
        if not holdings.accounts:
            return False
        account = _account(holdings, principal)
        tokens = _opened(holdings, account, destination)
        if tokens.access_token != token:
            return True
        await self._ask_further(tenant_id, account, told, tokens)
        if told.lacks_scope:
            # A token whose scope does not reach is not made better by renewing it.
            return False
        if self._clock() - tokens.issued_at < YOUNG_SECONDS:
            await self._refused(tenant_id, holder, account)
            return False
        await self._renewed(tenant_id, holder, account)
        return True

    async def _ask_further(self, tenant_id: str, account: Account, told: Challenge, tokens: TokenSet) -> None:
        """Has the next login ask for what the upstream wants and this one did not ask for, or was not granted."""
        known = tokens.scope or account.scopes if told.lacks_scope else f"{account.scopes} {tokens.scope}"
        further = united(account.further_scopes, without(told.scope, known))
        if further == account.further_scopes:
            return
        # While the database is away nothing is lost by it: the upstream says so each time.
        with suppress(DatabaseAway):
            await self._rows.ask_further(tenant_id, account, further)

    async def _now(self, tenant_id: str, holder: str, destination: str, principal: str) -> TokenSet:
        holdings = await self._holding.of(tenant_id, holder)
        return _opened(holdings, _account(holdings, principal), destination)

    async def _renewed(self, tenant_id: str, holder: str, account: Account) -> None:
        try:
            await self._refresher.refreshed(tenant_id, account.id, account.generation)
        except NeedsLogin as needed:
            raise UpstreamFailed(_sentence(str(needed)), Health.NEEDS_LOGIN) from None
        except OAuthFailed as failed:
            raise UpstreamFailed(f"Its login cannot be renewed. {failed}") from None
        except DatabaseAway:
            raise UpstreamFailed("The platform cannot reach its vault. Try again shortly.") from None
        finally:
            # Not only by being told: who asked for new tokens has to see them.
            self._holding.changed(tenant_id, holder)

    async def _refused(self, tenant_id: str, holder: str, account: Account) -> None:
        try:
            await self._rows.end_refused(tenant_id, account, NOT_TAKEN)
        except DatabaseAway:
            raise UpstreamFailed(NOT_TAKEN, Health.NEEDS_LOGIN) from None
        finally:
            self._holding.changed(tenant_id, holder)


def _account(holdings: Holdings, principal: str) -> Account:
    """The member's own where they have one, else the tenant's. Raises UpstreamFailed(NEEDS_LOGIN)."""
    own = holdings.accounts.get(principal.removeprefix(MEMBER)) if principal.startswith(MEMBER) else None
    account = own or holdings.accounts.get(TENANTS_OWN)
    if account is None:
        raise UpstreamFailed(LOG_IN, Health.NEEDS_LOGIN)
    return account


def _opened(holdings: Holdings, account: Account, destination: str) -> TokenSet:
    if account.state != CONNECTED:
        raise UpstreamFailed(_sentence(account.last_error), Health.NEEDS_LOGIN)
    if account.destination != destination:
        raise UpstreamFailed(ELSEWHERE, Health.NEEDS_LOGIN)
    try:
        return account.tokens(holdings.keyring)
    except (Forged, KeyGone):
        raise UpstreamFailed(f"{UNREADABLE} {LOG_IN}", Health.NEEDS_LOGIN) from None


def _early(expires_at: float, issued_at: float) -> float:
    return expires_at - min(EARLY_SECONDS, (expires_at - issued_at) / EARLY_PART)


def _sentence(why: str) -> str:
    return f"{why} {LOG_IN}" if why and why != LOG_IN else LOG_IN
