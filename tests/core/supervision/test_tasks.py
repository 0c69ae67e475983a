"""Supervision of tasks inside one process: who comes back with whom, who gives up, and what ends with what."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from core.supervision.intensity import Backoff
from core.supervision.spec import Intensity, Restart, Strategy
from core.supervision.strategy import InvalidTree
from core.supervision.tasks import GaveUp, TaskSpec, TaskSupervisor, TemporaryTasks, TransientTasks

BOUND_SECONDS = 5
NAMES = ("one", "two", "three")


class Troupe:
    """Children that note when they start and end, and fail when told to."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self._fail = {name: asyncio.Event() for name in NAMES}
        self._started = asyncio.Condition()

    def specs(self, restart: Restart = Restart.PERMANENT) -> list[TaskSpec]:
        return [TaskSpec(name, self._player(name), restart) for name in NAMES]

    def _player(self, name: str) -> Callable[[], Awaitable[None]]:
        async def play() -> None:
            async with self._started:
                self.diary.append(f"+{name}")
                self._started.notify_all()
            try:
                await self._fail[name].wait()
                self._fail[name].clear()
                raise RuntimeError(f"{name} fell")
            finally:
                self.diary.append(f"-{name}")

        return play

    async def fail(self, name: str, *, starts: int) -> list[str]:
        """What happens from the failure of `name` until `starts` children have started."""
        self.diary.clear()
        self._fail[name].set()
        await self.starts(starts)
        return list(self.diary)

    async def starts(self, count: int) -> None:
        """Waits for so many starts since the diary was cleared."""
        async with self._started, asyncio.timeout(BOUND_SECONDS):
            await self._started.wait_for(lambda: sum(entry[0] == "+" for entry in self.diary) >= count)


def _at_once() -> Backoff:
    return Backoff(first=0.0)


def _run(supervisor: TaskSupervisor) -> asyncio.Task[None]:
    return asyncio.create_task(supervisor.run())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, BOUND_SECONDS)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["-two", "+two"]),
        (Strategy.ONE_FOR_ALL, ["-two", "-three", "-one", "+one", "+two", "+three"]),
        (Strategy.REST_FOR_ONE, ["-two", "-three", "+two", "+three"]),
    ],
)
async def test_a_failure_concerns_whom_the_strategy_says(strategy: Strategy, expected: list[str]) -> None:
    troupe = Troupe()
    running = _run(TaskSupervisor("troupe", troupe.specs(), strategy=strategy, backoff=_at_once))
    await troupe.starts(len(NAMES))
    starts = sum(entry[0] == "+" for entry in expected)
    assert await troupe.fail("two", starts=starts) == expected
    await _end(running)


async def test_children_end_in_reverse_order_with_their_supervisor() -> None:
    troupe = Troupe()
    running = _run(TaskSupervisor("troupe", troupe.specs()))
    await troupe.starts(len(NAMES))
    await _end(running)
    assert troupe.diary == ["+one", "+two", "+three", "-three", "-two", "-one"]


@pytest.mark.parametrize(("restart", "comes_back"), [(Restart.TRANSIENT, True), (Restart.TEMPORARY, False)])
async def test_what_need_not_come_back_does_not(restart: Restart, comes_back: bool) -> None:  # noqa: FBT001  a row
    runs: list[int] = []

    async def fall_once() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError

    supervisor = TaskSupervisor("troupe", [TaskSpec("one", fall_once, restart)], backoff=_at_once)
    await asyncio.wait_for(supervisor.run(), BOUND_SECONDS)
    assert (len(runs), supervisor.restarts) == ((2, 1) if comes_back else (1, 0))


async def test_a_child_that_ended_for_good_stays_away_when_a_sibling_falls() -> None:
    troupe, done = Troupe(), asyncio.Event()

    async def once() -> None:
        assert not done.is_set()
        done.set()

    specs = [TaskSpec("step", once, Restart.TRANSIENT), *troupe.specs()]
    running = _run(TaskSupervisor("troupe", specs, strategy=Strategy.ONE_FOR_ALL, backoff=_at_once))
    await troupe.starts(len(NAMES))
    assert (await troupe.fail("one", starts=3))[-3:] == ["+one", "+two", "+three"]
    await _end(running)


async def test_a_supervisor_gives_up_and_its_own_sees_that(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    async def fall() -> None:
        runs.append(1)
        raise RuntimeError("always")

    inner = TaskSupervisor("inner", [TaskSpec("one", fall)], intensity=Intensity(2, 60), backoff=_at_once)
    outer = TaskSupervisor("outer", [inner.under()], intensity=Intensity(1, 60), backoff=_at_once)
    with pytest.raises(GaveUp, match="inner of outer"):
        await asyncio.wait_for(outer.run(), BOUND_SECONDS)
    assert len(runs) == 6  # three incarnations of each of two inner ones
    assert (inner.restarts, outer.restarts, outer.all_restarts) == (4, 1, 5)
    assert "one of inner failed" in caplog.text


async def test_an_isolated_supervisor_bears_everything() -> None:
    runs: list[int] = []
    enough = asyncio.Event()

    async def fall() -> None:
        runs.append(1)
        if len(runs) >= 100:
            enough.set()
        raise RuntimeError

    isolated = TaskSupervisor("isolated", [TaskSpec("one", fall)], intensity=None, backoff=_at_once)
    running = _run(TaskSupervisor("outer", [isolated.under()], intensity=Intensity(0, 60)))
    await asyncio.wait_for(enough.wait(), BOUND_SECONDS)
    assert not running.done()
    await _end(running)


async def test_one_that_falls_again_and_again_does_not_hold_up_another() -> None:
    troupe = Troupe()

    async def fall() -> None:
        raise RuntimeError

    specs = [TaskSpec("looping", fall), *troupe.specs()]
    # The looping one waits for longer than the whole test may take.
    backoffs = iter([Backoff(first=1000.0, ceiling=1000.0), *(_at_once() for _ in NAMES)])
    running = _run(TaskSupervisor("troupe", specs, backoff=lambda: next(backoffs)))
    await troupe.starts(len(NAMES))
    assert await troupe.fail("two", starts=1) == ["-two", "+two"]
    await _end(running)


def test_a_child_is_declared_once() -> None:
    child = TaskSupervisor("one", []).under()
    with pytest.raises(InvalidTree):
        TaskSupervisor("troupe", [child, child])


async def test_requests_end_with_what_they_belong_to(caplog: pytest.LogCaptureFixture) -> None:
    requests, cleared = TemporaryTasks(), asyncio.Event()

    async def patient() -> str:
        return "answered"

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleared.set()

    assert await requests.watch(patient()) == "answered"
    assert len(requests) == 0
    task = asyncio.create_task(requests.watch(stuck()))
    await asyncio.sleep(0)
    assert len(requests) == 1
    await requests.end(0.0)
    assert (cleared.is_set(), task.cancelled(), len(requests)) == (True, True, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_transient_task_comes_back_when_it_fails_and_concerns_no_other() -> None:
    tasks = TransientTasks("some", lambda: Backoff(first=0.0, ceiling=0.0))
    began: list[int] = []
    again, other = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        began.append(1)
        if len(began) < 3:
            raise RuntimeError("told to fail")
        again.set()
        await asyncio.Event().wait()

    async def waits() -> None:
        other.set()
        await asyncio.Event().wait()

    tasks.start("a", fails)
    tasks.start("b", waits)
    async with asyncio.timeout(5):
        await again.wait()
        await other.wait()
    assert (len(began), tasks.restarts, len(tasks)) == (3, 2, 2)
    await tasks.end()
    assert len(tasks) == 0


async def test_a_transient_task_that_returns_stays_away() -> None:
    tasks = TransientTasks("some")
    done = asyncio.Event()

    async def returns() -> None:
        done.set()

    tasks.start("a", returns)
    async with asyncio.timeout(5):
        await done.wait()
    assert (len(tasks), tasks.restarts) == (0, 0)


async def test_a_transient_task_is_begun_again_after_it_put_its_things_away() -> None:
    tasks = TransientTasks("some")
    happened: list[str] = []
    began, put_away = asyncio.Queue[int](), asyncio.Event()

    async def run() -> None:
        happened.append("begins")
        began.put_nowait(1)
        try:
            await asyncio.Event().wait()
        finally:
            await put_away.wait()
            happened.append("ends")

    async with asyncio.timeout(5):
        tasks.start("a", run)
        await began.get()
        tasks.stop("a")
        tasks.start("a", run)
        put_away.set()
        await began.get()
        assert happened == ["begins", "ends", "begins"]
        await tasks.end()
