"""Whose calls a worker begins next: a few in each turn of the loop, by tenants in turn, and so many under way at most.

What a turn of the loop does delays everybody, so a turn begins a bounded number of calls. The rest wait in a line for
each tenant, and each following turn takes the first of every line in rotation: who floods a worker waits behind itself.
Where nobody waits, a call pays a few comparisons. What is no call (ping, cancellation, discovery, handshakes) never
waits here.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from core import refusals
from core.refusals import Refused
from mcp_runtime.quota.quotas import Quota

# Calls begun in a turn of the loop: while one tenant calls alone, and while there is somebody to be fair to.
ALONE = 64
AMONG_OTHERS = 16
# So long after calls of two tenants met, there is.
OTHERS_SECONDS = 1.0
# A call that could not begin in so long is refused; the worker is full of calls that take longer.
WAITING_SECONDS = 5.0

# Begins what waited, and tells whether there was still anything to begin.
type Begin = Callable[[], bool]


class Turns:
    """The turns of one worker. `calls` bounds what it has under way, `of_tenant` each tenant's part of that, and
    `waiting` each tenant's line. `served` is called after those whose turn has come.
    """

    def __init__(self, *, calls: int, of_tenant: int, waiting: int, served: Callable[[], None] = lambda: None) -> None:
        self._served = served
        self._calls = calls
        self._of_tenant = of_tenant
        self._waiting = waiting
        self._running = 0
        self._begun = 0
        self._allowed = ALONE
        self._latest: Quota | None = None
        self._others_until = 0.0
        self._is_scheduled = False
        self._lines: dict[Quota, deque[Begin]] = {}

    def take(self, quota: Quota) -> bool:
        """Whether a call of this tenant may begin in this turn; otherwise it waits (`wait`)."""
        if quota is not self._latest:
            self._meet(quota)
        if not self._is_scheduled:
            self._schedule()
        if self._begun >= self._allowed or self._running >= self._calls:
            return False
        self._begun += 1
        return True

    async def wait(self, quota: Quota) -> None:
        """Waits in the tenant's line. Raises Refused(OVERLOADED) where that is full, or takes too long."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.line_up(quota, partial(_give, place)):
            raise Refused(refusals.OVERLOADED)
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await place
        except TimeoutError:
            raise Refused(refusals.OVERLOADED) from None

    def line_up(self, quota: Quota, begin: Begin) -> bool:
        """Has `begin` called when the tenant's turn comes; False where its line is full."""
        line = self._lines.get(quota)
        if line is None:
            line = self._lines[quota] = deque()
        elif len(line) >= self._waiting:
            return False
        line.append(begin)
        self._allowed = 0
        if not self._is_scheduled:
            self._schedule()
        return True

    def is_full(self, quota: Quota) -> bool:
        """Whether the tenant has its part of the worker under way."""
        return quota.running >= self._of_tenant

    def begin(self, quota: Quota) -> None:
        """A call is under way."""
        self._running += 1
        quota.running += 1

    def end(self, quota: Quota) -> None:
        """It is no more."""
        self._running -= 1
        quota.running -= 1
        if self._lines and not self._is_scheduled:
            self._schedule()

    def _meet(self, quota: Quota) -> None:
        if self._latest is not None:
            self._others_until = asyncio.get_running_loop().time() + OTHERS_SECONDS
            self._allowed = min(self._allowed, AMONG_OTHERS)
        self._latest = quota

    def _schedule(self) -> None:
        self._is_scheduled = True
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Another turn of the loop: those who wait come first."""
        self._is_scheduled = False
        self._begun = 0
        while self._lines and self._begun < AMONG_OTHERS and self._running + self._begun < self._calls:
            self._serve(next(iter(self._lines)))
        if self._begun:
            self._served()
        if not self._lines:
            is_alone = asyncio.get_running_loop().time() >= self._others_until
            self._allowed = ALONE if is_alone else AMONG_OTHERS
        if self._begun:
            self._schedule()

    def _serve(self, quota: Quota) -> None:
        line = self._lines.pop(quota)
        begin = line.popleft()
        if line:
            self._lines[quota] = line  # behind all others
        self._begun += begin()


def _give(place: "asyncio.Future[None]") -> bool:
    if place.done():
        return False
    place.set_result(None)
    return True
