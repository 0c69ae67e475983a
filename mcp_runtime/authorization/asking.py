"""Asking the control plane for an issuer's keys again: a token named one that nobody here knows."""

import asyncio
import logging
import time

from mcp_runtime.lines import DatabaseAway, Line

logger = logging.getLogger(__name__)

# Anybody can make up names of keys: a worker asks once in so long for an issuer, and all together fetch no more often.
PAUSE_SECONDS = 30.0
MAXIMUM_WAITING = 1_000
_LOOK = """
    UPDATE tenants_issuerwatch SET wake_at = statement_timestamp()
    WHERE issuer_id = %s AND wake_at > statement_timestamp()
      AND (looked_at IS NULL OR looked_at < statement_timestamp() - %s * interval '1 second')
"""


class KeyRequests:
    """What a worker asks for; `run` writes it down, beside the calls."""

    def __init__(self, database_url: str) -> None:
        self._line = Line(database_url)
        self._asked: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._anything = asyncio.Event()

    def ask(self, issuer_id: str) -> None:
        """Has an issuer's keys looked at soon; never waits."""
        now = time.monotonic()
        if now - self._asked.get(issuer_id, -PAUSE_SECONDS) < PAUSE_SECONDS or len(self._waiting) >= MAXIMUM_WAITING:
            return
        self._asked = {name: at for name, at in self._asked.items() if now - at < PAUSE_SECONDS} | {issuer_id: now}
        self._waiting.add(issuer_id)
        self._anything.set()

    async def run(self) -> None:
        """Writes down what is asked for, for ever; while the database is away it is forgotten, since its turn comes."""
        while True:
            await self._anything.wait()
            issuer_id = self._waiting.pop()
            if not self._waiting:
                self._anything.clear()
            try:
                async with self._line.transaction() as connection:
                    await connection.execute(_LOOK, (issuer_id, PAUSE_SECONDS))
            except DatabaseAway:
                logger.warning("keys of issuer %s wait for their turn: the database is away", issuer_id)

    async def close(self) -> None:
        """Closes the connection."""
        await self._line.close()
