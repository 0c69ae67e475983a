"""What live traffic tells the control plane: this upstream has to be looked at now."""

import logging
from typing import LiteralString

from mcp_runtime.lines import DatabaseAway, Line

logger = logging.getLogger(__name__)

# The schedule is global (see `models.upstream.UpstreamSchedule`): nothing of a tenant's is in it but ids and times.
_LOOK_NOW = """
    UPDATE mcp_runtime_upstreamschedule
    SET wake_at = LEAST(wake_at, now()), calls_failed_at = CASE WHEN %s THEN now() ELSE calls_failed_at END
    WHERE upstream_id = %s
"""
_CHANGED = """
    UPDATE mcp_runtime_upstreamschedule SET wake_at = LEAST(wake_at, now()), changed_at = now() WHERE upstream_id = %s
"""


class Reports:
    """Writes to the schedule of probes, over a connection of its own."""

    def __init__(self, database_url: str) -> None:
        self._line = Line(database_url)

    async def look_now(self, upstream_id: str, *, calls_fail: bool) -> None:
        """Brings the next probe forward; `calls_fail`: calls failed, whatever probes say."""
        await self._write(_LOOK_NOW, (calls_fail, upstream_id), upstream_id)

    async def offers_changed(self, upstream_id: str) -> None:
        """Has what the upstream offers looked at again: it says that this changed."""
        await self._write(_CHANGED, (upstream_id,), upstream_id)

    async def _write(self, statement: LiteralString, parameters: tuple[object, ...], upstream_id: str) -> None:
        try:
            async with self._line.transaction() as connection:
                await connection.execute(statement, parameters)
        except DatabaseAway:
            logger.warning("upstream %s is looked at when its turn comes: the database is away", upstream_id)

    async def close(self) -> None:
        """Closes the connection."""
        await self._line.close()
