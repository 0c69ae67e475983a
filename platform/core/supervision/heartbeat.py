"""Heartbeats in shared memory: each process writes its own slot, the supervisor reads all, nobody asks anybody.

A slot is six aligned doubles, each written in one store: process id, moment of the last beat, loop lag, and the three
vitals of a process that has them.
Moments are CLOCK_MONOTONIC, which all processes of one machine share.
"""

import asyncio
import math
import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "ARMSTRONG_HEARTBEAT"  # `<file>:<slot>`, set by the supervisor
INTERVAL_SECONDS = 0.5
STALE_SECONDS = 5.0  # ten missed beats: the process hangs, or the machine does
_FIELDS = 6
_SLOT_BYTES = _FIELDS * 8
_PID, _BEAT, _LAG, _CONNECTIONS, _TASK_RESTARTS, _CALLS_LOST = range(_FIELDS)


@dataclass(frozen=True, slots=True)
class Vitals:
    """What only the process itself knows, since it began: None for what it has not.

    `task_restarts` counts the supervised tasks inside it that came back, `calls_lost` the calls that the ledger will
    never have.
    """

    connections: int | None = None
    task_restarts: int | None = None
    calls_lost: int | None = None


NONE = Vitals()


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a slot says. Times are seconds; `lag` is how late the event loop last ran, None without a loop of ours."""

    pid: int
    age: float
    lag: float | None
    vitals: Vitals = NONE


class Heartbeat:
    """The writer's side."""

    def __init__(self, memory: mmap.mmap, slot: int) -> None:
        self._fields = memoryview(memory).cast("d")[slot * _FIELDS : (slot + 1) * _FIELDS]

    @classmethod
    def from_environment(cls) -> "Heartbeat":
        """The slot that the supervisor gave us; without a supervisor, memory that nobody reads."""
        file, _, slot = os.environ.get(VARIABLE, "").rpartition(":")
        if not file:
            return cls(mmap.mmap(-1, _SLOT_BYTES), 0)
        with Path(file).open("r+b") as opened:
            return cls(mmap.mmap(opened.fileno(), 0), int(slot))

    def note(self, lag: float = math.nan, vitals: Vitals = NONE) -> None:
        """One beat, now; for processes that have a loop of their own to call it from."""
        self._fields[_LAG] = lag
        self._fields[_CONNECTIONS] = _written(vitals.connections)
        self._fields[_TASK_RESTARTS] = _written(vitals.task_restarts)
        self._fields[_CALLS_LOST] = _written(vitals.calls_lost)
        self._fields[_BEAT] = time.monotonic()
        self._fields[_PID] = float(os.getpid())

    async def beat(self, vitals: Callable[[], Vitals] = lambda: NONE) -> None:
        """Beats until cancelled, and measures how late the event loop runs; start it as a task."""
        lag = 0.0
        while True:
            self.note(lag, vitals())
            due = time.monotonic() + INTERVAL_SECONDS
            await asyncio.sleep(INTERVAL_SECONDS)
            lag = max(0.0, time.monotonic() - due)

    def beat_in_thread(self) -> None:
        """Beats as long as the process lives, from a thread: tells that it lives, not that it gets anything done."""
        threading.Thread(target=self._beat_for_ever, name="heartbeat", daemon=True).start()

    def _beat_for_ever(self) -> None:
        while True:
            self.note()
            time.sleep(INTERVAL_SECONDS)


class HeartbeatBoard:
    """The supervisor's side: a file with one slot per child."""

    def __init__(self, file: Path, slots: int) -> None:
        self._file = file
        file.unlink(missing_ok=True)  # a process of an earlier run may still have the old one mapped
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(descriptor, slots * _SLOT_BYTES)
            self._fields = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        finally:
            os.close(descriptor)

    def address(self, slot: int) -> str:
        """What VARIABLE is set to for the child that owns `slot`."""
        return f"{self._file}:{slot}"

    def clear(self, slot: int) -> None:
        """Forgets the beats of the child that owned `slot` before."""
        for index in range(_FIELDS):
            self._fields[slot * _FIELDS + index] = 0.0

    def read(self, slot: int) -> Pulse | None:
        """The last beat in `slot`, or None before the first."""
        start = slot * _FIELDS
        pid = int(self._fields[start + _PID])
        if not pid:
            return None
        age = max(0.0, time.monotonic() - self._fields[start + _BEAT])
        lag, *vitals = self._fields[start + _LAG : start + _FIELDS].tolist()
        return Pulse(
            pid=pid,
            age=age,
            lag=None if math.isnan(lag) else lag,
            vitals=Vitals(*(None if math.isnan(value) else int(value) for value in vitals)),
        )


def _written(value: int | None) -> float:
    return math.nan if value is None else float(value)
