"""The ledger's side of shipping: a batch and how far it reaches commit together, so none is lost or counts twice."""

import logging
from datetime import UTC, date, datetime, timedelta

import psycopg

from mcp_runtime.lines import Connection, Line
from mcp_runtime.metering.records import Record

logger = logging.getLogger(__name__)

# Row security knows no COPY, so rows come by a table of this session alone.
_ARRIVALS = """
    CREATE TEMP TABLE IF NOT EXISTS usage_arrivals (
        sequence bigint, at bigint, tenant_id uuid, endpoint_id uuid, principal text, method text, name text,
        revision text, outcome text, billable boolean, microseconds bigint, bytes_in bigint, bytes_out bigint,
        request_id text
    ) ON COMMIT DELETE ROWS
"""
_COPY = "COPY usage_arrivals FROM STDIN"
# Inserted first: whoever ships the same journal at the same moment waits here until the other is done.
_MARK = "INSERT INTO billing_usagewatermark VALUES (%s, 0, now()) ON CONFLICT DO NOTHING"
_REACHED = "SELECT sequence FROM billing_usagewatermark WHERE boot = %s FOR UPDATE"
_ADVANCE = "UPDATE billing_usagewatermark SET sequence = %s, updated_at = now() WHERE boot = %s"
_ENSURE = "SELECT billing_usage_partition_ensure(%s)"
_SHIP = """
    INSERT INTO billing_usageevent (
        tenant_id, at, boot, sequence, endpoint_id, principal, method, name, revision, outcome, billable,
        microseconds, bytes_in, bytes_out, request_id
    ) SELECT tenant_id, 'epoch'::timestamptz + at * interval '1 microsecond', %s, sequence, endpoint_id, principal,
        method, name, revision, outcome, billable, microseconds, bytes_in, bytes_out, request_id
    FROM usage_arrivals ON CONFLICT DO NOTHING
"""
_DUE = """
    INSERT INTO billing_usagedue (tenant_id, hour, boot, sequence)
    SELECT tenant_id, date_trunc('hour', 'epoch'::timestamptz + at * interval '1 microsecond', 'UTC'), %s, max(sequence)
    FROM usage_arrivals GROUP BY 1, 2
    ON CONFLICT (tenant_id, hour, boot) DO UPDATE SET sequence = excluded.sequence
"""
# By the minute, for whoever looks at uptime (billing/uptime/recording.py). In order, as who deletes them does.
_LOOK = """
    INSERT INTO billing_uptimedue (tenant_id, minute, boot, sequence)
    SELECT tenant_id, date_trunc('minute', 'epoch'::timestamptz + at * interval '1 microsecond', 'UTC'), %s,
        max(sequence)
    FROM usage_arrivals WHERE tenant_id IN (SELECT tenant_id FROM billing_uptimewatch WHERE ended_at IS NULL)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (tenant_id, minute, boot) DO UPDATE SET sequence = excluded.sequence
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ledger:
    """Takes batches of one or more journals."""

    def __init__(self, url: str) -> None:
        self._line = Line(url)

    async def close(self) -> None:
        """Closes the connection."""
        await self._line.close()

    async def ship(self, boot: int, records: list[Record]) -> int:
        """Stores what of the records is not stored yet, and remembers how far they reach; how many were damaged.

        One that the ledger cannot take is left out and counted, and does not stop the others. Raises DatabaseAway, and
        psycopg.Error where the ledger itself is not as it should be.
        """
        try:
            await self._store(boot, records)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(records) > 1:
                middle = len(records) // 2
                return await self.ship(boot, records[:middle]) + await self.ship(boot, records[middle:])
            logger.error("a journalled call cannot be stored, and is left out: %s", error)
            await self._skip(boot, records[0][0])
            return 1
        return 0

    async def reached(self, boot: int) -> int:
        """How far the journal of this run is stored; raises DatabaseAway."""
        async with self._line.transaction() as connection:
            return await _reached(connection, boot)

    async def _store(self, boot: int, records: list[Record]) -> None:
        async with self._line.transaction() as connection:
            reached = await _reached(connection, boot)
            lines = [b"%d\t%b" % pair for pair in records if pair[0] > reached]
            if not lines:
                return
            # Calls are journalled in the order they ended: a batch over more days is split where this one is missing.
            for day in {_day_of(lines[0]), _day_of(lines[-1])} - {None}:
                await connection.execute(_ENSURE, (day,))
            await connection.execute(_ARRIVALS)
            async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                await copy.write(b"".join(lines))
            await connection.execute(_SHIP, (boot,))
            await connection.execute(_DUE, (boot,))
            await connection.execute(_LOOK, (boot,))
            await connection.execute(_ADVANCE, (records[-1][0], boot))

    async def _skip(self, boot: int, number: int) -> None:
        async with self._line.transaction() as connection:
            if await _reached(connection, boot) < number:
                await connection.execute(_ADVANCE, (number, boot))


async def _reached(connection: Connection, boot: int) -> int:
    await connection.execute(_MARK, (boot,))
    row = await (await connection.execute(_REACHED, (boot,))).fetchone()
    return int(row[0]) if row else 0


def _day_of(line: bytes) -> date | None:
    """The day (UTC) of a line; None where it has none that there is, which the ledger will refuse."""
    try:
        return (_EPOCH + timedelta(microseconds=int(line.split(b"\t", 2)[1]))).date()
    except (ValueError, IndexError, OverflowError):
        return None
