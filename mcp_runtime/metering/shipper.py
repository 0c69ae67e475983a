"""Ships journals to the ledger: this worker's own several times a second, and those that dead workers left."""

import asyncio
import logging
import os
from pathlib import Path

import psycopg

from core.jitter import jittered
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.metering.journal import Journal, Segment, boots_in, lock, lock_path, segments_of
from mcp_runtime.metering.ledger import Ledger
from mcp_runtime.metering.records import HEADER_BYTES, MAXIMUM_PAYLOAD, Parsed, Record, parse

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2
PAUSES = (0.2, 5.0)
# How often a look is taken at what others left.
REPLAY_EVERY = 10
# About a thousand calls: read in less than a millisecond, so that the loop does not notice.
BATCH_BYTES = 256 * 1024
BATCH_RECORDS = 2_048


class Shipper:
    """`damaged` counts places of journals that held no whole record, `missing` the calls known to have been there."""

    def __init__(self, journal: Journal, ledger: Ledger) -> None:
        self._journal = journal
        self._ledger = ledger
        self.damaged = 0
        self.missing = 0
        self._turns = 0
        self._last = 0

    @property
    def lost(self) -> int:
        """Calls that the ledger will never have, since the worker began: not journalled, or damaged in a journal."""
        return self._journal.lost + self.missing

    async def run(self) -> None:
        """Ships for ever; while the database is away the journal grows, and this tries with growing pauses."""
        pause = PAUSES[0]
        while True:
            await asyncio.sleep(jittered(pause, 0.2))
            pause = PAUSES[0] if await self._turn() else min(pause * 2, PAUSES[1])

    async def finish(self) -> None:
        """Ships what is left as far as the database is there, and closes journal and connection."""
        try:
            await self.ship()
        except (DatabaseAway, psycopg.Error, OSError) as error:
            logger.warning("calls wait in the journal for another worker: %s", error)
        self._journal.close()
        await self._ledger.close()

    async def ship(self) -> None:
        """Ships what this worker has journalled by now; raises DatabaseAway, psycopg.Error.

        What comes meanwhile waits for the next time: a batch of a few calls costs nearly as much as one of a thousand.
        """
        # A call whose client has gone was gathered for an answer that will not leave.
        self._journal.flush()
        for segment, size in [(segment, segment.size) for segment in self._journal.segments]:
            while segment.read < size:
                await self._ship_batch(segment)
            if segment.read >= segment.size:
                self._journal.drop(segment)

    async def replay(self) -> None:
        """Ships and deletes what dead workers left on this machine; raises DatabaseAway, psycopg.Error, OSError."""
        folder = self._journal.folder
        for boot in boots_in(folder):
            descriptor = lock(folder, boot) if boot != self._journal.boot else None
            if descriptor is not None:
                try:
                    await self._replay(boot)
                    lock_path(folder, boot).unlink(missing_ok=True)
                finally:
                    os.close(descriptor)

    async def _turn(self) -> bool:
        try:
            self._journal.complain()
            await self.ship()
            if self._turns % REPLAY_EVERY == 0:
                await self.replay()
            self._turns += 1
        except DatabaseAway:
            logger.warning("calls wait in the journal until the database is back")
        except Exception:
            logger.exception("calls wait in the journal: shipping failed, and is tried again")
        else:
            return True
        return False

    async def _ship_batch(self, segment: Segment) -> None:
        if segment.fresh is not None:
            await self._ship_fresh(segment, segment.fresh)
            return
        length = min(BATCH_BYTES, segment.size - segment.read)
        data = os.pread(segment.descriptor, length, segment.read)
        parsed = parse(data, is_end=segment.read + len(data) >= segment.size)
        await self._store(self._journal.boot, parsed, self._last)
        self._last = parsed.records[-1][0] if parsed.records else self._last
        segment.read += parsed.done

    async def _ship_fresh(self, segment: Segment, fresh: list[Record]) -> None:
        """Ships the first of what is still in memory; where that fails the file has it."""
        records, segment.fresh = fresh[:BATCH_RECORDS], fresh[BATCH_RECORDS:]
        try:
            await self._store(self._journal.boot, Parsed(records, 0, 0), self._last)
        except BaseException:
            segment.fresh = None
            raise
        self._last = records[-1][0]
        segment.read += sum([HEADER_BYTES + len(payload) for _, payload in records])

    async def _replay(self, boot: int) -> None:
        last = await self._ledger.reached(boot)
        for path in segments_of(self._journal.folder, boot):
            last = await self._replay_file(boot, path, last)
            path.unlink()
        logger.warning("the journal of a worker that had died is replayed, up to its call %d", last)

    async def _replay_file(self, boot: int, path: Path, last: int) -> int:
        with path.open("rb") as file:
            data = file.read(BATCH_BYTES)
            while data:
                rest = file.read(BATCH_BYTES)
                parsed = parse(data, is_end=not rest)
                await self._store(boot, parsed, last)
                last = max([last, *(number for number, _ in parsed.records[-1:])])
                data = data[parsed.done :] + rest
        return last

    async def _store(self, boot: int, parsed: Parsed, last: int) -> None:
        """Ships what was parsed, and says what is missing before and between."""
        refused = await self._ledger.ship(boot, parsed.records) if parsed.records else 0
        new = [number for number, _ in parsed.records if number > last]
        missing = new[-1] - last - len(new) if new else 0
        self.damaged += parsed.damaged
        self.missing += missing + refused
        if parsed.damaged or missing:
            logger.error("a journal is damaged in %d places: %d calls are missing", parsed.damaged, missing)


# A batch always holds more than one record, so reading always gets on.
assert BATCH_BYTES > HEADER_BYTES + MAXIMUM_PAYLOAD  # noqa: S101
