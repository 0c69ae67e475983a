"""Credentials as a worker reads them: out of the vault's rows, opened when they are used."""

from collections.abc import Mapping

from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.outbound import Client
from mcp_runtime.connections.holding import Holding
from mcp_runtime.connections.rows import Rows, SecretRow
from mcp_runtime.connections.tokens import Tokens
from mcp_runtime.lines import ENTER, DatabaseAway
from mcp_runtime.lines import Line as DatabaseLine
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.vault.purposes import SECRET, secret_row

_MATERIAL = "SELECT material FROM mcp_runtime_upstream WHERE tenant_id = %s AND id = %s"


class VaultReader:
    """Reads the vault of all tenants. `http` is what providers are asked over for new tokens.

    Who `remembers` keeps what was read, sealed, and has to pass on what it hears of changes.
    """

    def __init__(self, database_url: str, http: Client, *, remembers: bool = False) -> None:
        # Material is large: who waits for a token does not wait behind it.
        self._material_line, self._line = DatabaseLine(database_url), DatabaseLine(database_url)
        rows = Rows(self._line)
        self.holding = Holding(rows, remembers=remembers)
        self.tokens = Tokens(rows, self.holding, http)

    async def close(self) -> None:
        """Closes the connections, after refreshes that are under way."""
        await self.tokens.close()
        await self._line.close()
        await self._material_line.close()

    async def secrets(self, tenant_id: str, holder: str, destination: str) -> dict[str, str]:
        """The static secrets of `holder` in clear. Raises UpstreamFailed for one given for another destination."""
        held = await self.holding.of(tenant_id, holder)
        return {row.name: _opened(held.keyring, holder, destination, row) for row in held.secrets}

    async def material(self, tenant_id: str, upstream_id: str) -> bytes:
        """What was uploaded for an upstream; empty where nothing was. Raises UpstreamFailed."""
        try:
            async with self._material_line.transaction() as connection:
                await connection.execute(ENTER, (tenant_id,))
                row = await (await connection.execute(_MATERIAL, (tenant_id, upstream_id))).fetchone()
        except DatabaseAway:
            raise UpstreamFailed("The platform cannot reach its database. Try again shortly.") from None
        return bytes(row[0]) if row and row[0] is not None else b""


def _opened(keyring: Keyring, holder: str, destination: str, row: SecretRow) -> str:
    if row.destination != destination:
        raise UpstreamFailed("Its secrets were given for another address. Enter them again.", Health.NEEDS_LOGIN)
    try:
        opened = keyring.unseal(SECRET, row.sealed, *secret_row(holder, row.name, destination))
    except (Forged, KeyGone):
        raise UpstreamFailed("Its secrets cannot be opened. Enter them again.", Health.NEEDS_LOGIN) from None
    return opened.decode("utf-8", "surrogatepass")


class StoredCredentials:
    """The `Credentials` of one upstream."""

    def __init__(self, vault: VaultReader, tenant_id: str, holder: str, destination: str) -> None:
        self._vault = vault
        self._place = (tenant_id, holder, destination)

    async def secrets(self) -> Mapping[str, str]:
        """The static secrets by name. Raises UpstreamFailed."""
        return await self._vault.secrets(*self._place)

    async def token(self, principal: str) -> str | None:
        """An access token of the caller's connection, else of the tenant's; None where there is no connection.

        Raises UpstreamFailed.
        """
        return await self._vault.tokens.token(*self._place, principal)

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        """Whether there is a newer token to try. Raises UpstreamFailed(NEEDS_LOGIN) where somebody has to log in."""
        return await self._vault.tokens.rejected(self._place, principal, token, challenge)


class LookersCredentials(StoredCredentials):
    """Those for looks that nobody asked for: a member's own login is used for that member's calls alone."""

    async def token(self, principal: str) -> str | None:
        """The tenant's token; None where members alone have logged in. Raises UpstreamFailed."""
        tenant_id, holder, _destination = self._place
        if await self._vault.tokens.are_members_alone(tenant_id, holder):
            return None
        return await super().token(principal)

    async def are_members_all_that_it_waits_for(self) -> bool:
        """Whether members log in each for themselves, and nothing of the tenant's is held that could be refused.

        Raises UpstreamFailed.
        """
        tenant_id, holder, _destination = self._place
        return not await self.secrets() and await self._vault.tokens.are_members_alone(tenant_id, holder)
