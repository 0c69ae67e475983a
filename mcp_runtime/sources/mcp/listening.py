"""Listening to a server for changes: one stream for everybody who wants to hear, as long as it is wanted."""

import asyncio
import logging

from core.jitter import jittered
from mcp_runtime.sources.mcp.client import McpClient
from mcp_runtime.sources.mcp.era import Changed
from mcp_runtime.sources.mcp.messages import Answered
from mcp_runtime.sources.mcp.requests import EraChanged, nobody
from mcp_runtime.sources.upstream import UpstreamFailed

logger = logging.getLogger(__name__)

MAXIMUM_URIS = 1_000
NEGOTIATION_SECONDS = 10.0
PAUSES = (1.0, 60.0)


class Listening:
    """What is heard of one server. `watch` and `unwatch` may be called at any time; `run` is a supervised task."""

    def __init__(self, client: McpClient, changed: Changed) -> None:
        self._client = client
        self._changed = changed
        self._uris: set[str] = set()
        self._stirred = asyncio.Event()

    def watch(self, uri: str) -> None:
        """Wants to hear of this resource; one more than can be watched is not."""
        if uri not in self._uris and len(self._uris) < MAXIMUM_URIS:
            self._uris.add(uri)
            self._stirred.set()

    def unwatch(self, uri: str) -> None:
        """Wants to hear of it no more."""
        if uri in self._uris:
            self._uris.discard(uri)
            self._stirred.set()

    async def run(self) -> None:
        """Listens until it is cancelled; comes back with growing, jittered pauses.

        Nobody replays what was said while no stream was open, so that every list counts as changed after a pause.
        """
        pause = PAUSES[0]
        while True:
            loop = asyncio.get_running_loop()
            began = loop.time()
            if await self._listen():
                continue
            pause = PAUSES[0] if loop.time() - began > PAUSES[1] else min(pause * 2, PAUSES[1])
            await asyncio.sleep(jittered(pause))
            for kind in ("tools", "prompts", "resources"):
                self._changed(kind, "")

    async def _listen(self) -> bool:
        """Listens until what is wanted changes (True), or the server ends it."""
        self._stirred.clear()
        hearing = asyncio.ensure_future(self._hear())
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait({hearing, stirred}, return_when=asyncio.FIRST_COMPLETED)
            return stirred.done()
        finally:
            for task in (hearing, stirred):
                task.cancel()
            await asyncio.wait({hearing, stirred})

    async def _hear(self) -> None:
        try:
            caller = nobody(NEGOTIATION_SECONDS)
            about = await self._client.about(caller)
            era = await self._client.era(caller)
            await era.listen(about, frozenset(self._uris), self._changed)
        except (Answered, EraChanged, UpstreamFailed) as failure:
            logger.info("an upstream is not listened to: %s", failure)
