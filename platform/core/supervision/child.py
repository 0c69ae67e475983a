"""What a supervisor remembers of one child, over all its incarnations."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from core.supervision.heartbeat import NONE, STALE_SECONDS, HeartbeatBoard, Vitals
from core.supervision.intensity import Backoff, RestartWindow
from core.supervision.process import ChildProcess
from core.supervision.spec import ChildSpec


class State(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"  # for those that have to be ready first
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # ended, comes back after its delay
    STOPPING = "stopping"  # with the whole tree
    ENDED = "ended"  # and does not come back, as specified
    FAILED = "failed"  # ended too often: given up


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A child at one moment, for health checks and metrics. Times are seconds, memory is bytes; None is unknown."""

    id: str
    state: State
    completes: bool
    pid: int | None
    restarts: int
    heartbeat_age: float | None
    loop_lag: float | None
    memory: int | None
    vitals: Vitals = NONE
    rolls: bool = False

    @property
    def is_well(self) -> bool:
        """Whether it does what it is for: ready with a fresh heartbeat, or a step that is done."""
        fresh = self.heartbeat_age is None or self.heartbeat_age < STALE_SECONDS
        return (self.state is State.READY and fresh) or (self.completes and self.state is State.ENDED)


class Child:
    """A child: its specification, its present incarnation, and its record."""

    def __init__(self, spec: ChildSpec, slot: int, window: RestartWindow) -> None:
        self.spec = spec
        self.slot = slot
        self.window = window
        self.backoff = Backoff()
        self.state = State.WAITING
        self.process: ChildProcess | None = None
        self.incarnation = 0
        self.restarts = 0
        self.times_held = 0
        self.ready = asyncio.Event()
        self.released = asyncio.Event()
        self.released.set()

    def hold(self) -> None:
        """From now on it does not start, until `released` is set."""
        self.times_held += 1
        self.released.clear()

    @property
    def is_over(self) -> bool:
        """Whether it will not start any more."""
        return self.state in {State.ENDED, State.FAILED}

    def status(self, board: HeartbeatBoard) -> ChildStatus:
        """What is known of it now."""
        pulse = board.read(self.slot) if self.spec.heartbeat and self.process else None
        return ChildStatus(
            id=self.spec.id,
            state=self.state,
            completes=self.spec.completes,
            pid=self.process.pid if self.process else None,
            restarts=self.restarts,
            heartbeat_age=pulse.age if pulse else None,
            loop_lag=pulse.lag if pulse else None,
            memory=self.process.resident_bytes() if self.process else None,
            vitals=pulse.vitals if pulse else NONE,
            rolls=self.spec.rolls,
        )
