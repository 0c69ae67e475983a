"""A process that asks the vault for one access token, as a worker does, and prints it or why there is none."""

import asyncio
import os
import sys

from core.outbound import Client
from mcp_runtime.sources.credentials import StoredCredentials, VaultReader
from mcp_runtime.sources.upstream import UpstreamFailed


async def _main(tenant_id: str, holder: str, destination: str) -> None:
    async with Client() as http:
        vault = VaultReader(os.environ["DATABASE_URL"], http)
        try:
            token = await StoredCredentials(vault, tenant_id, holder, destination).token("")
        except UpstreamFailed as failed:
            token = f"{failed.health}: {failed}"
        finally:
            await vault.close()
    sys.stdout.write(f"{token}\n")


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
    # A worker sets no Django up: what it reads the vault with may not need it.
    sys.exit("django" in sys.modules)
