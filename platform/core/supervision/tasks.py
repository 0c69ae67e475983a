"""Supervision inside one process: long-lived tasks that come back when they end, in trees, and short ones that do not.

The terms are those of Erlang/OTP's `supervisor`. A supervisor is run as any task is, so that trees nest: one that
gives up ends with GaveUp, which its own supervisor sees as the end of a child.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.supervision.intensity import Backoff, RestartWindow
from core.supervision.spec import Intensity, Restart, Strategy
from core.supervision.strategy import InvalidTree, comes_back, concerned

logger = logging.getLogger(__name__)

USUAL = Intensity()
# How long tasks that were cancelled have to put their things away before they are left behind.
FAREWELL_SECONDS = 5.0


class GaveUp(Exception):
    """The children of a supervisor ended more often than it bears; its cause is how the last of them ended."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One child: what it is called, how a new incarnation of it is run, and whether it comes back.

    `tree` is the supervisor that the child is, if it is one.
    """

    id: str
    run: Callable[[], Awaitable[None]]
    restart: Restart = Restart.PERMANENT
    tree: "TaskSupervisor | None" = None


class TaskSupervisor:
    """Runs its children until it is cancelled, and starts again those that end, together with whom that concerns.

    Without an `intensity` it bears everything: nothing that happens below it is ever seen above it.
    """

    def __init__(
        self,
        id: str,  # noqa: A002  as in a specification
        specs: Sequence[TaskSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity | None = USUAL,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        """Raises InvalidTree for an id used twice."""
        self.id = id
        self.restarts = 0
        self._specs = {spec.id: spec for spec in specs}
        if len(self._specs) != len(specs):
            raise InvalidTree(f"A child of {id} is declared twice.")
        self._strategy = strategy
        self._intensity = intensity
        self._window: RestartWindow | None = None
        self._backoffs = {name: backoff() for name in self._specs}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._began: dict[str, float] = {}

    def under(self, restart: Restart = Restart.PERMANENT) -> TaskSpec:
        """This supervisor as another's child."""
        return TaskSpec(self.id, self.run, restart, self)

    @property
    def all_restarts(self) -> int:
        """How often a child came back, here and below."""
        return self.restarts + sum(spec.tree.all_restarts for spec in self._specs.values() if spec.tree)

    async def run(self) -> None:
        """Runs the children; returns when none is left that comes back. Raises GaveUp."""
        # As in OTP, an incarnation answers for its own time alone.
        self._window = RestartWindow(self._intensity) if self._intensity else None
        self._start(self._specs, delay=0.0)
        try:
            while self._tasks:
                done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
                for name in [name for name, task in self._tasks.items() if task in done]:
                    # What ended beside another may have been replaced together with it.
                    if self._tasks.get(name) in done:
                        await self._ended(name)
        finally:
            await self._stop(list(self._tasks))

    def _start(self, names: Iterable[str], delay: float) -> None:
        for name in names:
            self._tasks[name] = asyncio.create_task(self._live(name, delay), name=f"{self.id}/{name}")

    async def _live(self, name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        self._began[name] = asyncio.get_running_loop().time()
        await self._specs[name].run()

    async def _ended(self, name: str) -> None:
        task = self._tasks.pop(name)
        error: BaseException | None = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None or task.cancelled():
            logger.warning("%s of %s ended", name, self.id)
        else:
            logger.error("%s of %s failed", name, self.id, exc_info=error)
        if not comes_back(self._specs[name].restart, 0 if error is None else 1):
            return
        if self._window is not None and not self._window.allows_another():
            raise GaveUp(f"{name} of {self.id} ended again and again") from error
        await self._restart(name)

    async def _restart(self, name: str) -> None:
        self.restarts += 1
        now = asyncio.get_running_loop().time()
        delay = self._backoffs[name].next(now - self._began.get(name, now))
        # Those that ended for good, and do not come back, are not started for a sibling's sake.
        names = [other for other in self._concerned(name) if other == name or other in self._tasks]
        await self._stop([other for other in names if other != name])
        self._start(names, delay)

    def _concerned(self, name: str) -> tuple[str, ...]:
        return concerned(self._strategy, list(self._specs), name)

    async def _stop(self, names: Sequence[str]) -> None:
        """Ends children in reverse order of declaration, each before the one it stands on."""
        for name in reversed(names):
            await end_all([self._tasks.pop(name)])


class TemporaryTasks:
    """Tasks that come and go and never come back: one for each request (OTP's `simple_one_for_one`).

    One that fails concerns nobody else; all of them end with what they belong to.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def watch[T](self, work: Awaitable[T]) -> T:
        """Does `work` in the task that asks, which is one of these until it is done."""
        task = asyncio.current_task()
        if task is None or task in self._tasks:
            return await work
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    async def end(self, patience: float) -> None:
        """Gives them `patience` seconds to end by themselves, and cancels those that have not."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)
        await end_all(set(self._tasks))


class TransientTasks:
    """Tasks that come and go, each by its key, and come back when they fail (OTP's `simple_one_for_one`).

    One that fails concerns nobody else, and comes back after growing, jittered pauses; one that returns does not.
    """

    def __init__(self, id: str, backoff: Callable[[], Backoff] = Backoff) -> None:  # noqa: A002  as in a specification
        self.id = id
        self.restarts = 0
        self._backoff = backoff
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._ending: dict[Hashable, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, key: Hashable, run: Callable[[], Awaitable[None]]) -> None:
        """Starts one, after a former one of this key has put its things away."""
        former = self._ending.get(key)
        self._tasks[key] = asyncio.create_task(self._live(key, run, former), name=self.id)

    def stop(self, key: Hashable) -> None:
        """Begins to end one, if there is one."""
        task = self._tasks.pop(key, None)
        if task is not None:
            self._ending[key] = task
            task.add_done_callback(lambda task: self._ended(key, task))
            task.cancel()

    def _ended(self, key: Hashable, task: "asyncio.Task[None]") -> None:
        if self._ending.get(key) is task:
            del self._ending[key]

    async def _live(
        self, key: Hashable, run: Callable[[], Awaitable[None]], former: "asyncio.Task[None] | None"
    ) -> None:
        if former is not None:
            await asyncio.wait({former})
        backoff, loop = self._backoff(), asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await run()
            except Exception:
                logger.exception("one of %s failed", self.id)
            else:
                self._tasks.pop(key, None)
                return
            self.restarts += 1
            await asyncio.sleep(backoff.next(loop.time() - began))

    async def end(self) -> None:
        """Ends all of them."""
        for key in list(self._tasks):
            self.stop(key)
        await end_all(set(self._ending.values()))


async def end_all(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks and waits for their end; those that do not end in time are named and left behind."""
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    ended, stubborn = await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
    for task in stubborn:
        logger.error("%s did not end within %s seconds", task.get_name(), FAREWELL_SECONDS)
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed while it was ended", task.get_name(), exc_info=error)
