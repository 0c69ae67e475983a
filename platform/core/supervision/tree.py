"""The supervisor: starts its children in order, brings back those that end, and stops all of them in reverse."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence

from core.supervision.child import Child, ChildStatus, State
from core.supervision.heartbeat import HeartbeatBoard
from core.supervision.intensity import RestartWindow
from core.supervision.orphans import Sweeper, adopt_orphans, end_orphans
from core.supervision.output import Printer
from core.supervision.process import ChildProcess, Reaper
from core.supervision.spec import ChildSpec, Intensity, Strategy
from core.supervision.strategy import comes_back, concerned, require_valid, stop_waves

WATCH_SECONDS = 1.0
# A process whose own loop has not turned for so long is not coming back by itself.
HUNG_SECONDS = 20.0
PROBE_SECONDS = 0.05  # between two looks whether a child is ready
NOT_STARTED = 127
GAVE_UP = 1
BROKEN = 70  # EX_SOFTWARE of sysexits.h: the supervisor itself has a defect

USUAL = Intensity()

type Report = Callable[[str], None]


class Supervisor:
    """A flat tree of processes. One per operating system process: it collects every child of the process.

    `report` is told, a sentence at a time, what happens to the children.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        board: HeartbeatBoard,
        printer: Printer,
        report: Report,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = USUAL,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        """Raises InvalidTree for contradictory specifications."""
        require_valid(specs)
        self._specs = specs
        self._board = board
        self._printer = printer
        self._report = report
        self._strategy = strategy
        self._hung_seconds = hung_seconds
        shared = RestartWindow(intensity)
        own = strategy is Strategy.ONE_FOR_ONE
        self._children = {
            spec.id: Child(spec, slot, RestartWindow(intensity) if own else shared) for slot, spec in enumerate(specs)
        }
        self._reaper = Reaper()
        self._sweeper = Sweeper(self._reaper.pids, self._living_marks)
        self._over = asyncio.Event()
        self._hasten = asyncio.Event()
        self._changed = asyncio.Event()
        self._regrouping = asyncio.Lock()
        self._rolling: asyncio.Task[None] | None = None
        self._exit_status = 0

    async def run(self) -> int:
        """Runs the tree until it is stopped or gives up; its exit status."""
        adopt_orphans()
        self._reaper.install()
        lives = [asyncio.create_task(self._live(child), name=child.spec.id) for child in self._children.values()]
        lives.append(asyncio.create_task(self._watch(), name="watch"))
        for life in lives:
            life.add_done_callback(self._life_ended)
        await self._over.wait()
        if self._rolling is not None:
            self._rolling.cancel()
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        await self._drain()
        self._reaper.remove()
        return self._exit_status

    def stop(self) -> None:
        """Stops every child in reverse order, each within its time; a second call kills what is left at once."""
        if self._over.is_set():
            self._hasten.set()
        self._end_tree()

    def reload(self) -> None:
        """Replaces the children that roll, one after the other, each when the one before is ready again."""
        if self._rolling is None and not self._over.is_set():
            self._rolling = asyncio.create_task(self._roll(), name="reload")
            self._rolling.add_done_callback(self._rolled)

    def _rolled(self, rolling: "asyncio.Task[None]") -> None:
        self._rolling = None
        self._life_ended(rolling)

    async def _roll(self) -> None:
        async with self._regrouping:
            for child in [child for child in self._children.values() if child.spec.rolls]:
                if child.process is None:
                    continue  # it is coming back anyway, and so is new
                self._report(f"{child.spec.id} is replaced")
                child.hold()
                await child.process.stop(self._hasten)
                child.released.set()
                if not await self._came_back(child):
                    self._report(f"{child.spec.id} did not come back: the others stay as they are")
                    return
            self._report("everything that can be replaced was")

    async def _came_back(self, child: Child) -> bool:
        try:
            async with asyncio.timeout(child.spec.ready_seconds):
                await child.ready.wait()
        except TimeoutError:
            return False
        return True

    async def _watch(self) -> None:
        """Kills children that hang, so that they come back; not when it was the whole machine that stood still."""
        while True:
            due = time.monotonic() + WATCH_SECONDS
            await asyncio.sleep(WATCH_SECONDS)
            if time.monotonic() - due < WATCH_SECONDS:
                for child in self._children.values():
                    self._kill_if_hung(child)

    def _kill_if_hung(self, child: Child) -> None:
        pulse = self._board.read(child.slot) if child.spec.heartbeat and child.state is State.READY else None
        # Who has no loop of ours beats when it has something to do with its broker, and may be waiting for that.
        if pulse is None or pulse.lag is None or pulse.age < self._hung_seconds:
            return
        if child.process is not None and child.process.pid == pulse.pid:
            self._report(f"{child.spec.id} has not stirred for {pulse.age:.0f} s and is killed")
            child.process.kill()

    @property
    def is_stopping(self) -> bool:
        """Whether it has been told to stop, or gave up."""
        return self._over.is_set()

    async def settled(self) -> bool:
        """Waits until every child is ready; False when the tree ends, or one is given up, before that."""
        children = self._children.values()
        while not all(child.ready.is_set() for child in children):
            if self._over.is_set() or any(child.state is State.FAILED for child in children):
                return False
            await self._changed.wait()
            self._changed.clear()
        return True

    def statuses(self) -> list[ChildStatus]:
        """Every child, in order of declaration."""
        return [child.status(self._board) for child in self._children.values()]

    async def _live(self, child: Child) -> None:
        """One child from its first start to its last end."""
        while True:
            await self._may_start(child)
            times_held = child.times_held
            status, lived = await self._incarnate(child)
            if child.times_held != times_held:
                continue  # stopped together with a sibling: that is no failure of its own
            if child.spec.completes and status == 0:
                self._complete(child, lived)
                return
            if not comes_back(child.spec.restart, status):
                self._end(child, status)
                return
            if not child.window.allows_another():
                self._give_up(child, status)
                return
            child.restarts += 1
            child.state = State.RESTARTING
            await self._restart(child, status, lived, times_held)

    async def _may_start(self, child: Child) -> None:
        gates = [child.released, *(self._children[name].ready for name in child.spec.after)]
        while shut := [gate for gate in gates if not gate.is_set()]:
            child.state = State.WAITING
            await shut[0].wait()

    async def _incarnate(self, child: Child) -> tuple[int, float]:
        """Starts the child and waits until it has ended; its status, and how long it lived."""
        child.incarnation += 1
        child.state = State.STARTING
        self._board.clear(child.slot)
        try:
            process = self._start(child)
        except OSError as error:
            self._report(f"{child.spec.id} cannot be started: {error.strerror}")
            return NOT_STARTED, 0.0
        child.process = process
        readying = asyncio.create_task(self._become_ready(child, process))
        readying.add_done_callback(self._life_ended)
        try:
            status = await process.wait()
        finally:
            readying.cancel()
        child.process = None
        child.ready.clear()
        # From here on it is not well, however long those that it left behind take to end.
        child.state = State.RESTARTING
        await self._sweeper.sweep()
        return status, process.lived

    def _start(self, child: Child) -> ChildProcess:
        heartbeat = self._board.address(child.slot) if child.spec.heartbeat else ""
        return ChildProcess(
            child.spec,
            incarnation=child.incarnation,
            heartbeat=heartbeat,
            reaper=self._reaper,
            printer=self._printer,
        )

    async def _become_ready(self, child: Child, process: ChildProcess) -> None:
        if child.spec.completes:
            return
        try:
            async with asyncio.timeout(child.spec.ready_seconds):
                while not await self._is_ready(child, process):  # noqa: ASYNC110  nobody tells us: a look is all there is
                    await asyncio.sleep(PROBE_SECONDS)
        except TimeoutError:
            self._report(f"{child.spec.id} is not ready after {child.spec.ready_seconds:.0f} s and is killed")
            process.kill()
            return
        child.state = State.READY
        child.ready.set()
        self._changed.set()
        self._report(f"{child.spec.id} is ready ({process.lived:.1f} s)")

    async def _is_ready(self, child: Child, process: ChildProcess) -> bool:
        if child.spec.heartbeat:
            pulse = self._board.read(child.slot)
            if pulse is None or pulse.pid != process.pid:
                return False
        return child.spec.ready is None or await child.spec.ready()

    async def _restart(self, child: Child, status: int, lived: float, times_held: int) -> None:
        """Waits the child's delay, having stopped those whom its end concerns; they start again after it."""
        names = concerned(self._strategy, list(self._children), child.spec.id)
        others = [self._children[name] for name in names if name != child.spec.id]
        if not others:
            await self._pause(child, status, lived)
            return
        async with self._regrouping:
            if child.times_held != times_held:
                return  # a sibling ended first, and has seen to it that this one starts again
            others = [other for other in others if not other.is_over]
            for other in others:
                other.hold()
            for other in reversed(others):
                if other.process:
                    await other.process.stop(self._hasten)
            await self._pause(child, status, lived)
            for other in others:
                other.released.set()

    async def _pause(self, child: Child, status: int, lived: float) -> None:
        delay = child.backoff.next(lived)
        self._report(f"{child.spec.id} ended ({explain(status)}); it starts again in {delay:.1f} s")
        await asyncio.sleep(delay)

    def _complete(self, child: Child, lived: float) -> None:
        child.state = State.ENDED
        child.ready.set()
        self._changed.set()
        self._report(f"{child.spec.id} is done ({lived:.1f} s)")

    def _end(self, child: Child, status: int) -> None:
        failed = status != 0
        child.state = State.FAILED if failed else State.ENDED
        self._changed.set()
        self._report(f"{child.spec.id} ended ({explain(status)})")
        if failed and child.spec.essential:
            self._abandon(f"{child.spec.id} failed, and nothing goes on without it")

    def _give_up(self, child: Child, status: int) -> None:
        child.state = State.FAILED
        self._changed.set()
        self._report(f"{child.spec.id} ended ({explain(status)}) again and again: it is given up")
        if child.spec.essential or self._strategy is not Strategy.ONE_FOR_ONE:
            self._abandon(f"nothing goes on without {child.spec.id}")

    def _abandon(self, reason: str) -> None:
        self._report(f"stopping: {reason}")
        self._exit_status = GAVE_UP
        self._end_tree()

    def _life_ended(self, life: "asyncio.Task[None]") -> None:
        if not life.cancelled() and (error := life.exception()) is not None:
            self._report(f"stopping: the supervisor itself failed at {life.get_name()}: {error!r}")
            self._exit_status = BROKEN
            self._end_tree()

    def _end_tree(self) -> None:
        self._over.set()
        self._changed.set()

    async def _drain(self) -> None:
        for child in self._children.values():
            if not child.is_over:
                child.state = State.STOPPING
        for wave in stop_waves(self._specs):
            await asyncio.gather(*(self._stop(self._children[name]) for name in wave))
        await end_orphans(self._reaper.pids, tuple)

    async def _stop(self, child: Child) -> None:
        process = child.process
        if process is None or process.exited.done():
            return
        if not await process.stop(self._hasten):
            self._report(f"{child.spec.id} had to be killed")

    def _living_marks(self) -> set[str]:
        return {child.process.mark for child in self._children.values() if child.process}


def explain(status: int) -> str:
    """A status in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
