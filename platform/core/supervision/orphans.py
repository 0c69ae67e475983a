"""Processes that outlive the child that made them: adopted by the supervisor, collected, ended."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
MARK = "ARMSTRONG_SUPERVISED"  # inherited by all that a child starts: names the child and its incarnation
POLITE_SECONDS = 1.0  # an orphan has nobody left to answer to: it gets little time
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02


def adopt_orphans() -> None:
    """Makes this process the parent of every orphan below it (Linux; elsewhere they go to init)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(parent: int) -> list[int]:
    """The process ids whose parent is `parent`, ended ones left out; empty where there is no /proc."""
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _parent_of(folder) == parent]


def _parent_of(folder: Path) -> int | None:
    try:
        # The command's name, in parentheses, may hold anything: state and parent follow the last parenthesis.
        state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in {"Z", "X"} else int(parent)


def mark_of(pid: int) -> str:
    """The mark that a process inherited, or an empty string when it has none or overwrote it."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    found = [variable for variable in variables if variable.startswith(MARK.encode() + b"=")]
    return found[0].partition(b"=")[2].decode(errors="replace") if found else ""


async def end_orphans(known: Callable[[], Collection[int]], living: Callable[[], Collection[str]]) -> int:
    """Ends adopted processes, except those that a living child's mark excuses; returns how many.

    `known` gives the process ids of the children themselves, `living` the marks of those that are alive.
    """

    def orphans() -> list[int]:
        return [pid for pid in children_of(os.getpid()) if pid not in known() and mark_of(pid) not in living()]

    found = orphans()
    _signal(found, signal.SIGTERM)
    if not await _gone(orphans, POLITE_SECONDS):
        _signal(orphans(), signal.SIGKILL)
        await _gone(orphans, KILL_SECONDS)
    return len(found)


class Sweeper:
    """Ends the orphans of many children that end at about the same time in one sweep: each looks at every process.

    `known` and `living` are those of `end_orphans`.
    """

    def __init__(self, known: Callable[[], Collection[int]], living: Callable[[], Collection[str]]) -> None:
        self._known = known
        self._living = living
        self._asked = 0
        self._swept = 0
        self._lock = asyncio.Lock()

    async def sweep(self) -> None:
        """Returns after a sweep that began after this was asked for."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._swept < mine:
                asked = self._asked
                await end_orphans(self._known, self._living)
                self._swept = asked


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def _gone(orphans: Callable[[], list[int]], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while orphans():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
