"""The worker's ear: one connection that listens; after each reconnect it has everything looked at again."""

import asyncio
import logging

import msgspec
import psycopg

from core.channels import ENDPOINTS_CHANNEL
from core.jitter import jittered
from mcp_runtime.connections.holding import Holding
from mcp_runtime.lines import Connection, connect
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.snapshots.structs import EndpointChanged

logger = logging.getLogger(__name__)

PAUSES = (0.1, 5.0)
# How often a silent connection is asked whether it is still there, and how long it has to say so.
PULSE_SECONDS = 5.0
ANSWER_SECONDS = 3.0

_decode = msgspec.json.Decoder(EndpointChanged).decode


class Listener:
    """`is_connected` tells whether changes are heard right now."""

    def __init__(self, url: str, store: SnapshotStore, credentials: Holding) -> None:
        self._url = url
        self._store = store
        self._credentials = credentials
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Listens for ever, and reconnects with growing, jittered pauses."""
        pause = PAUSES[0]
        self.connected.clear()
        while True:
            try:
                await self._listen()
            except (psycopg.Error, TimeoutError, OSError) as error:
                logger.warning("changes are not heard until the database is back: %s", type(error).__name__)
            except Exception:
                logger.exception("listening failed; it is tried again")
            pause = PAUSES[0] if self.connected.is_set() else min(pause * 2, PAUSES[1])
            self.connected.clear()
            await asyncio.sleep(jittered(pause))

    async def _listen(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await connect(self._url)
        async with connection:
            await _ask(connection, f"LISTEN {ENDPOINTS_CHANNEL}")
            self.connected.set()
            # Only what commits from here on is heard, so what is held already may be older.
            self._look_again()
            while True:
                async for notification in connection.notifies(timeout=PULSE_SECONDS):
                    self._heard(notification.payload)
                await _ask(connection, "SELECT 1")

    def _heard(self, payload: str) -> None:
        try:
            change = _decode(payload)
        except msgspec.DecodeError:
            logger.warning("a notification is not understood; everything is looked at again")
            self._look_again()
            return
        if change.holder:
            self._credentials.changed(change.tenant_id, change.holder)
        else:
            self._store.changed(change)

    def _look_again(self) -> None:
        self._store.look_again()
        self._credentials.look_again()


async def _ask(connection: Connection, statement: str) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        await connection.execute(statement)
