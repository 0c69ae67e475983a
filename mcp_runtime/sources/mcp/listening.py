"""Listening to a server for changes: one stream for everybody who wants to hear, as long as it is wanted."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from core.jitter import jittered
from core.supervision.tasks import end_all
from mcp_runtime.sources.mcp.client import McpClient
from mcp_runtime.sources.mcp.era import Changed, Ear, NothingToHear
from mcp_runtime.sources.mcp.messages import Answered
from mcp_runtime.sources.mcp.requests import EraChanged, nobody
from mcp_runtime.sources.upstream import UpstreamFailed

logger = logging.getLogger(__name__)

MAXIMUM_URIS = 1_000
NEGOTIATION_SECONDS = 10.0
PAUSES = (1.0, 60.0)
# A server that ends every stream at once was not really heard, so that nothing was missed either.
HEARD_SECONDS = 1.0
# A server without a way to tell of what is wanted is asked again after so long: it may have been replaced.
NOTHING_SECONDS = 900.0

type Updated = Callable[[str], None]


class _Spell:
    """One stream, from its request to its end; `since` is when hearing began, on the loop's clock."""

    def __init__(self, hear: "Callable[[_Spell], Coroutine[Any, Any, None]]") -> None:
        self.since: float | None = None
        self.opened = asyncio.Event()
        self.is_vain = False
        self.task = asyncio.create_task(hear(self), name="upstream is listened to")

    def open(self) -> None:
        """It is heard from now on."""
        if self.since is None:
            self.since = asyncio.get_running_loop().time()
        self.opened.set()


class Listening:
    """What is heard of one server. `watch` and `unwatch` may be called at any time; `run` is a supervised task."""

    def __init__(self, client: McpClient, changed: Changed) -> None:
        self._client = client
        self._changed = changed
        self._uris: set[str] = set()
        self._stirred = asyncio.Event()
        self._missed = False

    def watch(self, uri: str) -> bool:
        """Wants to hear of this resource; whether it is: one more than can be watched is not."""
        if uri not in self._uris and len(self._uris) < MAXIMUM_URIS:
            self._uris.add(uri)
            self._stirred.set()
        return uri in self._uris

    def unwatch(self, uri: str) -> None:
        """Wants to hear of it no more."""
        if uri in self._uris:
            self._uris.discard(uri)
            self._stirred.set()

    async def run(self, updated: Updated) -> None:
        """Listens until it is cancelled, and calls `updated` with the URI of each resource that changed.

        Comes back with growing, jittered pauses. Nobody replays what was said while no stream was open, so that
        everything counts as changed when one is open again.
        """
        pause = PAUSES[0]
        while True:
            try:
                lasted = await self._listen(updated)
            except NothingToHear:
                await self._stirs_within(jittered(NOTHING_SECONDS))
                continue
            self._missed |= lasted > HEARD_SECONDS
            pause = PAUSES[0] if lasted > PAUSES[1] else min(pause * 2, PAUSES[1])
            await asyncio.sleep(jittered(pause))

    async def _listen(self, updated: Updated) -> float:
        """Listens until the server ends it; for how many seconds it was heard. Raises NothingToHear."""
        spells = [self._begin(updated)]
        try:
            while await self._stirs_before(spells[0]):
                # The one goes on until the next is open, so that nothing is missed in between.
                spells.append(fresh := self._begin(updated))
                await _open_or_over(fresh)
                before = spells.pop(0)
                await end_all([before.task])
                fresh.since = before.since or fresh.since
            return _lasted(spells[0])
        finally:
            await end_all([spell.task for spell in spells])

    def _begin(self, updated: Updated) -> _Spell:
        self._stirred.clear()
        return _Spell(partial(self._hear, updated))

    async def _hear(self, updated: Updated, spell: _Spell) -> None:
        def opened() -> None:
            spell.open()
            self._make_up(updated)

        try:
            caller = nobody(NEGOTIATION_SECONDS)
            uris = frozenset(self._uris)
            about = await self._client.about(caller)
            era = await self._client.era(caller)
            await era.listen(about, uris, Ear(opened, self._changed, updated))
        except NothingToHear:
            spell.is_vain = True
        except (Answered, EraChanged, UpstreamFailed) as failure:
            logger.info("an upstream is not listened to: %s", failure)

    def _make_up(self, updated: Updated) -> None:
        """Tells of everything that may have changed while nothing was heard."""
        if not self._missed:
            return
        self._missed = False
        for kind in ("tools", "prompts", "resources"):
            self._changed(kind)
        for uri in sorted(self._uris):
            updated(uri)

    async def _stirs_before(self, spell: _Spell) -> bool:
        """Waits; whether something else is wanted before the stream is over."""
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait({spell.task, stirred}, return_when=asyncio.FIRST_COMPLETED)
            return not spell.task.done()
        finally:
            stirred.cancel()

    async def _stirs_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return


def _lasted(spell: _Spell) -> float:
    """For how many seconds one was heard that is over. Raises NothingToHear, and what nobody foresaw."""
    spell.task.result()
    if spell.is_vain:
        raise NothingToHear
    return 0.0 if spell.since is None else asyncio.get_running_loop().time() - spell.since


async def _open_or_over(spell: _Spell) -> None:
    opened = asyncio.ensure_future(spell.opened.wait())
    try:
        await asyncio.wait({spell.task, opened}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        opened.cancel()
