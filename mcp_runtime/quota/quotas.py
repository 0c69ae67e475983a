"""What this worker may open for each tenant right now: counted without waiting, borrowed ahead of need."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from core import refusals
from core.jitter import jittered
from core.refusals import Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.quota.leases import BLOCK, LEASE_SECONDS, Leases, Limited, Loan, Need
from mcp_runtime.quota.rates import Rates

logger = logging.getLogger(__name__)

# How long a refusal stands before the database is asked again.
REFUSED_SECONDS = 0.5
IDLE_REVIEWS = 600
REVIEW_SECONDS = 15.0
TICK_SECONDS = 1.0
RENEW_TICKS = 5
# So few connections or requests are left when more are borrowed; so many connections are kept beside those in use.
LOW = 4
KEPT = 16

type Borrow = Callable[[Need], Coroutine[Any, Any, Loan]]


class Quota:
    """One tenant's, at this worker. `in_use` counts what is open, `granted` what may be; `peak` is the most in use.

    `running` counts the calls among those in use (see `fairness`).
    """

    __slots__ = (
        "_asked_at", "_borrow", "_borrowing", "_calls_retry_at", "_clock", "_console_url", "_is_away", "_is_outdated",
        "_is_spent", "_limited", "_quiet", "_retry_at", "calls", "granted", "in_use", "peak", "requests", "running",
    )  # fmt: skip

    def __init__(self, borrow: Borrow | None, clock: Callable[[], float], console_url: str = "") -> None:
        """Without `borrow` there is no limit. `console_url` is where a tenant changes its plan."""
        self._borrow = borrow
        self._clock = clock
        self._console_url = console_url
        self._limited: dict[str, Limited] = {}
        self._borrowing: asyncio.Task[None] | None = None
        self._retry_at = self._calls_retry_at = -math.inf
        self._is_away = self._is_outdated = self._is_spent = False
        self.granted: float = 0 if borrow else math.inf
        self.requests: float = 0.0 if borrow else math.inf
        # That may end well, and so be billed, before the tenant's spending cap is reached.
        self.calls: float = 0.0 if borrow else math.inf
        self.in_use = self.peak = self.running = self._quiet = 0
        self._asked_at = clock()

    def take(self) -> bool:
        """Opens a connection if one is left without asking; to be given back by `leave`."""
        if self.in_use >= self.granted or self.requests < 1:
            return False
        self.in_use += 1
        self.requests -= 1
        self.peak = max(self.peak, self.in_use)
        if self.requests < LOW or self.granted - self.in_use < LOW:
            self._borrow_ahead()
        return True

    def take_call(self) -> bool:
        """The same for what is billed when it ends well (`billed`)."""
        if self.calls < LOW:
            self._borrow_calls_ahead()
            if self.calls < 1:
                return False
        return self.take()

    def billed(self) -> None:
        """A call ended well. Those under way when the cap is reached may go beyond it."""
        self.calls -= 1

    def leave(self) -> None:
        """Closes one."""
        self.in_use -= 1

    async def enter_call(self) -> None:
        """Opens a connection for what is billed when it ends well. Raises Refused as `enter`; SPENDING_CAP_REACHED."""
        while self.calls < 1:
            if self._borrowing is None and self._clock() < self._calls_retry_at:
                raise Refused(refusals.SPENDING_CAP_REACHED, data=self._way_on("spending_cap"))
            borrowing = self._borrow_once()
            if self._is_away:
                self._go_on()
            else:
                await asyncio.shield(borrowing)
        await self.enter()

    async def enter(self) -> None:
        """Opens a connection. Raises Refused: CONNECTION_LIMIT_REACHED, RATE_LIMITED, MONTHLY_REQUESTS_REACHED."""
        while not self.take():
            # Others that waited for the same loan may have used it up: only a loan in vain is a refusal.
            if self._borrowing is None and self._clock() < self._retry_at:
                raise self._refused()
            borrowing = self._borrow_once()
            if self._is_away:
                self._go_on()
            else:
                await asyncio.shield(borrowing)

    def _refused(self) -> Refused:
        if self.requests >= 1:
            return Refused(refusals.CONNECTION_LIMIT_REACHED, data=self._way_on("connections"))
        if self._is_spent:
            return Refused(refusals.MONTHLY_REQUESTS_REACHED, data=self._way_on("requests"))
        return Refused(refusals.RATE_LIMITED, data=self._way_on("requests_per_second"))

    def _way_on(self, limit: str) -> dict[str, Any]:
        """What a refusal says of the limit, and of where the tenant's owners and admins lift it."""
        reached = self._limited.get(limit)
        if reached is None or not reached.slug:
            return {}
        billing = f"{self._console_url}/t/{reached.slug}/billing/"
        if limit == "spending_cap":
            return {"raiseUrl": f"{billing}cap/"}
        said = {"limit": limit, "allowed": reached.allowed, "liftedBy": reached.lifted_by}
        return said if reached.lifted_by is None else {**said, "upgradeUrl": f"{billing}#plans"}

    def _go_on(self) -> None:
        """Opens what it likes while the database is away: nobody waits each time for it not to answer."""
        self.granted = max(self.granted, self.in_use + BLOCK)
        self.requests = max(self.requests, float(BLOCK))
        self.calls = max(self.calls, float(BLOCK))

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """An open connection, for as long as the context lasts. Raises Refused."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    def _borrow_ahead(self) -> None:
        """Borrows beside the calls, unless that was in vain a moment ago."""
        if self._borrowing is None and self._clock() >= self._retry_at:
            self._borrow_once()

    def _borrow_calls_ahead(self) -> None:
        if self._borrowing is None and self._clock() >= self._calls_retry_at:
            self._borrow_once()

    def _borrow_once(self, keep: int = KEPT, more: int = BLOCK) -> asyncio.Task[None]:
        """The one loan at a time: of two that overlap, the database would be told of one and both be opened."""
        if self._borrowing is None:
            self._borrowing = asyncio.create_task(self._borrow_more(keep, more))
            self._borrowing.add_done_callback(_log_failure)
        return self._borrowing

    async def _borrow_more(self, keep: int, more: int) -> None:
        self._is_outdated = True
        try:
            while self._is_outdated:
                self._is_outdated = False
                await self._adjust(keep, more)
        finally:
            # Here and not when others hear of it: to wait for a task that is done takes no turn of the loop, so that
            # whoever waited for this one in between would wait for ever, and with it the whole worker.
            self._borrowing = None

    async def review(self) -> None:
        """Returns what was not needed since the last time; now and then asks whether the limit is still what it was."""
        peak, self.peak = self.peak, self.in_use
        self._quiet = 0 if peak else self._quiet + 1
        has_spare = self.granted != math.inf and self.granted - peak > 2 * KEPT
        is_old = bool(peak) and self._clock() > self._asked_at + REVIEW_SECONDS
        if self._borrowing is None and (has_spare or is_old):
            await asyncio.shield(self._borrow_once(keep=0, more=KEPT))

    async def borrow_again(self) -> None:
        """Has what is open counted again, after its lease ran out."""
        self._is_outdated = True
        await asyncio.shield(self._borrow_once(keep=0, more=KEPT))

    def reconsider(self) -> None:
        """The limit may have changed: it is asked for now, or where nothing is open, before anything is."""
        self._is_outdated = True
        if self.in_use:
            self._borrow_once(keep=0, more=KEPT)
        elif self._borrow is not None and self._borrowing is None:
            self.granted = 0

    async def _adjust(self, keep: int, more: int) -> None:
        """Asks for room for `more` connections beside what is open and `keep` of what is spare; and for requests."""
        if self._borrow is None:
            return
        self._asked_at = self._clock()
        needed = (
            self.in_use if self.granted == math.inf else int(max(self.in_use, min(self.in_use + keep, self.granted)))
        )
        # Nothing more is opened than what the database is told of, until it has answered.
        self.granted = needed
        wants_requests, wants_calls = self.requests < LOW, self.calls < LOW
        try:
            loan = await self._borrow(Need(needed, more, wants_requests, wants_calls))
            self._is_away = False
        except DatabaseAway:
            self._is_away = True
            # Known endpoints go on while the database is away: what is open is counted again when it is back.
            loan = Loan(needed + BLOCK, float(BLOCK), calls=float(BLOCK))
        self.granted = math.inf if loan.slots is None else loan.slots
        self._is_spent = loan.is_spent
        self._limited = {each.limit: each for each in loan.limited}
        stock = 0.0 if self.requests == math.inf else self.requests
        self.requests = math.inf if loan.requests is None else stock + loan.requests
        calls = 0.0 if self.calls == math.inf else self.calls
        self.calls = math.inf if loan.calls is None else calls + loan.calls
        self._calls_retry_at = self._clock() + (REFUSED_SECONDS if self.calls < 1 else 0.0)
        in_vain = self.granted <= needed or (wants_requests and self.requests < 1)
        self._retry_at = self._clock() + (REFUSED_SECONDS if in_vain else 0.0)

    @property
    def is_idle(self) -> bool:
        """Whether nothing was open for a while."""
        return self._quiet > IDLE_REVIEWS


def _log_failure(loan: asyncio.Task[None]) -> None:
    if not loan.cancelled() and loan.exception() is not None:
        logger.error("a loan failed", exc_info=loan.exception())


class Quotas:
    """The quotas of one worker, by tenant, and its `rates`. `clock` returns seconds that never go back."""

    def __init__(self, leases: Leases, clock: Callable[[], float], console_url: str = "") -> None:
        """`console_url` is where tenants change their plans."""
        self._leases = leases
        self._clock = clock
        self._console_url = console_url
        self._by_tenant: dict[str, Quota] = {}
        self.rates = Rates(leases, clock)

    def of(self, tenant_id: str) -> Quota:
        """The tenant's."""
        quota = self._by_tenant.get(tenant_id)
        if quota is None:

            async def borrow(need: Need) -> Loan:
                return await self._leases.borrow(tenant_id, need)

            quota = self._by_tenant[tenant_id] = Quota(borrow, self._clock, self._console_url)
        return quota

    def reconsider(self, tenant_id: str | None = None) -> None:
        """A tenant's plan or limit changed; None: anybody's may have."""
        for quota in self._by_tenant.values() if tenant_id is None else [self._by_tenant.get(tenant_id)]:
            if quota is not None:
                quota.reconsider()

    async def run(self) -> None:
        """Renews what is held, and returns what lies idle, for ever."""
        ticks = 0
        while True:
            await asyncio.sleep(jittered(TICK_SECONDS, 0.2))
            ticks += 1
            try:
                await self._review()
                if ticks % RENEW_TICKS == 0:
                    await self._renew()
            except DatabaseAway:
                logger.warning("leases wait for the database")

    async def _review(self) -> None:
        for quota in list(self._by_tenant.values()):
            await quota.review()
        await self.rates.review()

    async def _renew(self) -> None:
        held = await self._leases.renew()
        for tenant_id, quota in list(self._by_tenant.items()):
            if quota.is_idle:
                del self._by_tenant[tenant_id]
            elif quota.in_use and quota.granted != math.inf and tenant_id not in held:
                await quota.borrow_again()

    async def close(self) -> None:
        """Returns everything; while the database is away it runs out by itself."""
        try:
            await self.rates.close()
            await self._leases.give_back()
        except DatabaseAway:
            logger.warning("leases run out within %s seconds", LEASE_SECONDS)
        await self._leases.close()


UNLIMITED = Quota(None, lambda: 0.0)
