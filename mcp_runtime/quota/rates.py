"""How often a key may call and a tool be called: token buckets, from which each worker borrows a few calls at a time.

A bucket is one row in PostgreSQL, so no more is ever lent than there is. What a worker has borrowed and does not use
(at most a sixteenth of the limit) goes back within seconds; until then another worker may refuse a little early.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any

from core import refusals
from core.refusals import Refusal, Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.quota.leases import Leases

logger = logging.getLogger(__name__)

# How long a refusal stands before the database is asked again.
REFUSED_SECONDS = 0.5
# Of a minute's calls, so large a part is lent at once.
PORTIONS = 16
# After so many reviews without a call what was lent goes back, and after so many more the bucket is forgotten.
IDLE_REVIEWS = 3
FORGOTTEN_REVIEWS = 60

type Lend = Callable[[int, int], Coroutine[Any, Any, float]]


class Rate:
    """One bucket at this worker. `calls` is what is left of what it borrowed."""

    __slots__ = ("_borrowing", "_clock", "_lend", "_refusal", "_retry_at", "calls", "quiet")

    def __init__(self, lend: Lend, refusal: Refusal, clock: Callable[[], float]) -> None:
        self._lend = lend
        self._refusal = refusal
        self._clock = clock
        self._retry_at = -math.inf
        self._borrowing: asyncio.Task[None] | None = None
        self.calls = 0.0
        self.quiet = 0

    def take(self) -> bool:
        """Takes a call without asking, if one is left."""
        self.quiet = 0
        if self.calls < 1:
            return False
        self.calls -= 1
        return True

    async def enter(self, per_minute: int) -> None:
        """Takes a call. Raises Refused, which says when to come back, in seconds."""
        while not self.take():
            if self._borrowing is None and self._clock() < self._retry_at:
                raise Refused(self._refusal, data={"retryAfterSeconds": math.ceil(60 / per_minute)})
            await asyncio.shield(self._borrow_once(per_minute))

    def _borrow_once(self, per_minute: int) -> asyncio.Task[None]:
        if self._borrowing is None:
            self._borrowing = asyncio.create_task(self._borrow(per_minute))
            self._borrowing.add_done_callback(_log_failure)
        return self._borrowing

    async def _borrow(self, per_minute: int) -> None:
        try:
            await self._borrow_portion(per_minute)
        finally:
            self._borrowing = None  # see Quota._borrow_more

    async def _borrow_portion(self, per_minute: int) -> None:
        portion = math.ceil(per_minute / PORTIONS)
        pause = REFUSED_SECONDS
        try:
            lent = await self._lend(per_minute, portion)
        except DatabaseAway:
            # Calls go on while the database is away, in each worker as often as the limit says.
            lent, pause = float(portion), 60 * portion / per_minute
            self._retry_at = self._clock() + pause
        if lent < 1:
            self._retry_at = self._clock() + pause
        self.calls += lent


def _log_failure(loan: asyncio.Task[None]) -> None:
    if not loan.cancelled() and loan.exception() is not None:
        logger.error("a loan of calls failed", exc_info=loan.exception())


class Rates:
    """The buckets of one worker, by tenant and name. `clock` returns seconds that never go back."""

    def __init__(self, leases: Leases, clock: Callable[[], float]) -> None:
        self._leases = leases
        self._clock = clock
        self._by_name: dict[tuple[str, str], Rate] = {}

    def of(self, tenant_id: str, name: str) -> Rate:
        """The bucket of a key (`key:<id>`) or a tool (`tool:<id>`)."""
        rate = self._by_name.get((tenant_id, name))
        if rate is None:

            async def lend(per_minute: int, portion: int) -> float:
                return await self._leases.lend_calls(tenant_id, name, per_minute, portion)

            refusal = refusals.TOOL_RATE_LIMITED if name.startswith("tool:") else refusals.KEY_RATE_LIMITED
            rate = self._by_name[tenant_id, name] = Rate(lend, refusal, self._clock)
        return rate

    async def review(self) -> None:
        """Returns what nobody uses. Raises DatabaseAway."""
        for whose, rate in list(self._by_name.items()):
            rate.quiet += 1
            if rate.quiet > IDLE_REVIEWS and rate.calls >= 1:
                await self._give_back(whose, rate)
            elif rate.quiet > FORGOTTEN_REVIEWS:
                del self._by_name[whose]

    async def close(self) -> None:
        """Returns everything. Raises DatabaseAway."""
        for whose, rate in self._by_name.items():
            await self._give_back(whose, rate)

    async def _give_back(self, whose: tuple[str, str], rate: Rate) -> None:
        calls, rate.calls = rate.calls, 0.0
        if calls >= 1:
            await self._leases.return_calls(*whose, calls)
