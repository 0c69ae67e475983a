"""Credentials as a worker reads them: out of the vault's rows, opened when they are used."""

from collections.abc import Mapping

from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from mcp_runtime.lines import ENTER, DatabaseAway
from mcp_runtime.lines import Line as DatabaseLine
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.vault.purposes import SECRET, secret_row

_KEYS = "SELECT version, wrapped FROM tenants_tenantkey WHERE tenant_id = %s AND destroyed_at IS NULL"
_SECRETS = "SELECT name, destination, sealed FROM tenants_secret WHERE tenant_id = %s AND holder = %s"
_MATERIAL = "SELECT material FROM mcp_runtime_upstream WHERE tenant_id = %s AND id = %s"


class VaultReader:
    """Reads the vault of all tenants over one connection; see `core.envelope`."""

    def __init__(self, database_url: str) -> None:
        self._line = DatabaseLine(database_url)

    async def close(self) -> None:
        """Closes the connection."""
        await self._line.close()

    async def secrets(self, tenant_id: str, holder: str, destination: str) -> dict[str, str]:
        """The static secrets of `holder` in clear. Raises UpstreamFailed for one given for another destination."""
        try:
            async with self._line.transaction() as connection:
                await connection.execute(ENTER, (tenant_id,))
                rows = await (await connection.execute(_SECRETS, (tenant_id, holder))).fetchall()
                if not rows:
                    return {}
                keys = await (await connection.execute(_KEYS, (tenant_id,))).fetchall()
        except DatabaseAway:
            raise UpstreamFailed("The platform cannot reach its vault. Try again shortly.") from None
        keyring = Keyring(tenant_id, dict(keys))
        return {row[0]: _opened(keyring, holder, destination, row) for row in rows}

    async def material(self, tenant_id: str, upstream_id: str) -> bytes:
        """What was uploaded for an upstream; empty where nothing was. Raises UpstreamFailed."""
        try:
            async with self._line.transaction() as connection:
                await connection.execute(ENTER, (tenant_id,))
                row = await (await connection.execute(_MATERIAL, (tenant_id, upstream_id))).fetchone()
        except DatabaseAway:
            raise UpstreamFailed("The platform cannot reach its database. Try again shortly.") from None
        return bytes(row[0]) if row and row[0] is not None else b""


def _opened(keyring: Keyring, holder: str, destination: str, row: tuple[str, ...]) -> str:
    name, given_for, sealed = row
    if given_for != destination:
        raise UpstreamFailed("Its secrets were given for another address. Enter them again.", Health.NEEDS_LOGIN)
    try:
        opened = keyring.unseal(SECRET, sealed, *secret_row(holder, name, destination))
    except (Forged, KeyGone):
        raise UpstreamFailed("Its secrets cannot be opened. Enter them again.", Health.NEEDS_LOGIN) from None
    return opened.decode("utf-8", "surrogatepass")


class StoredCredentials:
    """The `Credentials` of one upstream. Static secrets are read once for each time that the upstream is opened."""

    def __init__(self, vault: VaultReader, tenant_id: str, holder: str, destination: str) -> None:
        self._vault = vault
        self._place = (tenant_id, holder, destination)
        self._secrets: Mapping[str, str] | None = None

    async def secrets(self) -> Mapping[str, str]:
        """The static secrets by name. Raises UpstreamFailed."""
        if self._secrets is None:
            self._secrets = await self._vault.secrets(*self._place)
        return self._secrets

    async def token(self, principal: str) -> str | None:
        """None: the upstream is not connected by OAuth."""
        return None

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        """No: there is no other to try."""
        return False
