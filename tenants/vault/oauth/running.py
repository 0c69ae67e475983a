"""Runs exchanges with providers for code that waits: the console and jobs. Never inside a transaction."""

import asyncio
from collections.abc import Awaitable, Callable

from asgiref.sync import async_to_sync

from core.outbound import Client
from tenants.vault.oauth.failures import ProviderAway

TOGETHER_SECONDS = 25.0


def with_provider[Result](act: Callable[[Client], Awaitable[Result]], seconds: float = TOGETHER_SECONDS) -> Result:
    """What `act` returns, given a door of its own. Raises what it raises, and ProviderAway when it takes too long."""

    async def run() -> Result:
        try:
            async with asyncio.timeout(seconds), Client() as client:
                return await act(client)
        except TimeoutError:
            raise ProviderAway(f"The provider did not answer within {seconds:.3g} s.") from None

    return async_to_sync(run)()
