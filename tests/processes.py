"""Waiting for processes, with a limit."""

import time
from collections.abc import Callable
from pathlib import Path

WAIT_SECONDS = 20.0


def eventually[T](look: Callable[[], T], seconds: float = WAIT_SECONDS) -> T:
    """The first true value of `look`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
