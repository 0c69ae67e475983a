"""What a worker refuses of tokens that others issued, in sums: a tenant sees why its clients do not come in."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

import psycopg

from mcp_runtime.lines import ENTER, DatabaseAway, Line
from tenants.authorization.trusted import REFUSED_DAYS

logger = logging.getLogger(__name__)

# However many tokens come, a worker writes so seldom, and keeps no more than one number for a reason.
PAUSE_SECONDS = 10.0
MAXIMUM_WAITING = 1_000
_FORGET = "DELETE FROM tenants_tokenrefusal WHERE tenant_id = %s AND day <= (now() AT TIME ZONE 'UTC')::date - %s"
_ADD = """
    INSERT INTO tenants_tokenrefusal AS known (tenant_id, issuer_id, day, reason, times, last_at)
    VALUES (%s, %s, (now() AT TIME ZONE 'UTC')::date, %s, %s, now())
    ON CONFLICT (tenant_id, issuer_id, day, reason)
    DO UPDATE SET times = known.times + excluded.times, last_at = excluded.last_at
"""

type Reason = tuple[str, str, str]  # the tenant's id, the issuer's, the check that failed


class RefusedTokens:
    """What a worker has to tell of refused tokens, `waiting` to be written down by `run`, beside the calls."""

    def __init__(self, database_url: str) -> None:
        self._line = Line(database_url)
        self.waiting: Counter[Reason] = Counter()
        self._anything = asyncio.Event()

    def note(self, tenant_id: str, issuer_id: str, reason: str) -> None:
        """Counts one; never waits. Of more kinds than a worker keeps the rest is not told."""
        told = (tenant_id, issuer_id, reason)
        if told in self.waiting or len(self.waiting) < MAXIMUM_WAITING:
            self.waiting[told] += 1
            self._anything.set()

    async def run(self) -> None:
        """Writes down what was counted, for ever; while the database is away it is counted on."""
        while True:
            await self._anything.wait()
            self._anything.clear()
            await self.flush()
            await asyncio.sleep(PAUSE_SECONDS)

    async def flush(self) -> None:
        """Writes down what waits; what could not be written waits on."""
        waiting, self.waiting = self.waiting, Counter()
        for tenant_id in sorted({told[0] for told in waiting}):
            await self._write(tenant_id, [(told, times) for told, times in waiting.items() if told[0] == tenant_id])

    async def _write(self, tenant_id: str, counted: Iterable[tuple[Reason, int]]) -> None:
        try:
            async with self._line.transaction() as connection:
                await connection.execute(ENTER, (tenant_id,))
                await connection.execute(_FORGET, (tenant_id, REFUSED_DAYS))
                # In one order, since other workers write the same rows.
                for (_, issuer_id, reason), times in sorted(counted):
                    await connection.execute(_ADD, (tenant_id, issuer_id, reason, times))
        except DatabaseAway:
            self.waiting.update(dict(counted))
            self._anything.set()
        except psycopg.IntegrityError:
            logger.info("tenant %s is gone, and what it was to hear of refused tokens too", tenant_id)

    async def close(self) -> None:
        """Closes the connection."""
        await self._line.close()
