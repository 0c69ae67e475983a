"""Sweeps for orphans: those who ask together share one, and nobody is served by one that began before it asked."""

import asyncio

import pytest

from core.supervision import orphans
from core.supervision.orphans import Sweeper


class Sweeps:
    """Stands in for the look at every process: counts, and lasts until told to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self, *_: object) -> int:
        self.begun += 1
        await self.may_end.acquire()
        return 0


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    found = Sweeps()
    monkeypatch.setattr(orphans, "end_orphans", found)
    return found


async def test_whoever_asks_during_a_sweep_shares_the_next_one(sweeps: Sweeps) -> None:
    sweeper = Sweeper(tuple, tuple)
    first = asyncio.create_task(sweeper.sweep())
    await asyncio.sleep(0)
    others = [asyncio.create_task(sweeper.sweep()) for _ in range(50)]
    await asyncio.sleep(0)
    sweeps.may_end.release()
    await asyncio.wait_for(first, 5)
    assert not any(other.done() for other in others)
    sweeps.may_end.release()
    await asyncio.wait_for(asyncio.gather(*others), 5)
    assert sweeps.begun == 2


async def test_a_sweep_that_is_broken_off_counts_for_nobody(sweeps: Sweeps) -> None:
    sweeper = Sweeper(tuple, tuple)
    first, second = (asyncio.create_task(sweeper.sweep()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    sweeps.may_end.release()
    await asyncio.wait_for(second, 5)
    assert sweeps.begun == 2
