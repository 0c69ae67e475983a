"""Python's wall clock, shifted by as many seconds as a file says; copied as sitecustomize.py, which Python loads first.

It wraps time.time and time.time_ns, which stamp calls, tokens and tasks. What asks the system itself (datetime, C code,
PostgreSQL and Valkey) has the real time: so the jump is also one against the others.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

VARIABLE = "CHAOS_CLOCK"
LOOK_SECONDS = 0.2


class Shift:
    """The present shift, in seconds, looked up now and then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked_at = -LOOK_SECONDS
        self._seconds = 0

    def seconds(self) -> int:
        """How far the wrapped clock is ahead of the real one."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at, self._seconds = now, int(self._file.read_text(encoding="ascii"))
        return self._seconds


def wrap(shift: Callable[[], int]) -> None:
    """Replaces the two functions for this process."""
    real, real_ns = time.time, time.time_ns

    def wrapped() -> float:
        return real() + shift()

    def wrapped_ns() -> int:
        return real_ns() + shift() * 1_000_000_000

    time.time, time.time_ns = wrapped, wrapped_ns


if VARIABLE in os.environ:
    wrap(Shift(Path(os.environ[VARIABLE])).seconds)
