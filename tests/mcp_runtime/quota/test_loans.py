"""Loans of one worker: one at a time, and nobody stands still for them."""

import asyncio

from core.refusals import Refused
from mcp_runtime.quota.leases import Loan, Need
from mcp_runtime.quota.quotas import Quota


async def test_loans_of_one_worker_never_overlap() -> None:
    """What is asked for while a loan is under way is asked for after it, with what is open by then."""
    asked: list[int] = []
    under_way: list[int] = []
    answered = asyncio.Event()

    async def borrow(need: Need) -> Loan:
        asked.append(need.in_use)
        under_way.append(1)
        assert len(under_way) == 1
        await answered.wait()
        under_way.clear()
        return Loan(slots=need.in_use + 1, requests=8.0)

    quota = Quota(borrow, lambda: 0.0)
    first = asyncio.ensure_future(quota.enter())
    for _ in range(3):
        await asyncio.sleep(0)
    again = asyncio.ensure_future(quota.borrow_again())
    quota.reconsider()
    for _ in range(3):
        await asyncio.sleep(0)
    assert asked == [0]
    answered.set()
    await asyncio.gather(first, again)
    assert len(asked) > 1
    assert quota.in_use == 1


class _Counting(Quota):
    """Gives up where somebody asks again and again without letting anybody else run."""

    asked = 0

    def take(self) -> bool:
        """As ever."""
        self.asked += 1
        assert self.asked < 1_000, "the worker stands still"
        return super().take()


async def test_who_asks_in_the_moment_that_a_loan_in_vain_ends_does_not_stop_the_worker() -> None:
    answered = asyncio.get_running_loop().create_future()

    async def borrow(_need: Need) -> Loan:
        await asyncio.shield(answered)
        return Loan(slots=0, requests=8.0)

    quota = _Counting(borrow, lambda: 0.0)

    async def later() -> None:
        await asyncio.shield(answered)
        await quota.enter()

    first = asyncio.ensure_future(quota.enter())
    for _ in range(3):
        await asyncio.sleep(0)  # the loan waits by then, and whoever waits after it runs right after it
    second = asyncio.ensure_future(later())
    await asyncio.sleep(0)
    answered.set_result(None)
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Refused, Refused]
    assert quota.in_use == 0
