"""Processes as /proc shows them: whose child, how old, whether ended and not collected."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
ENDED = frozenset({"Z", "X"})


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `began` is in clock ticks since the machine started, so that id and `began` name it for good."""

    pid: int
    parent: int
    state: str
    began: int

    @property
    def is_zombie(self) -> bool:
        """Whether it has ended and nobody has collected it."""
        return self.state in ENDED

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.began / TICKS

    @property
    def command(self) -> str:
        """Its command line, shortened."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:160]
        except OSError:
            return ""


def find(pid: int) -> Process | None:
    """The process of this id, if there is one."""
    try:
        # The command's name, in parentheses, may hold anything; fields follow the last parenthesis (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), fields[0], int(fields[19]))


def everything() -> list[Process]:
    """Every process of the machine."""
    names = os.listdir("/proc")  # noqa: PTH208  the names alone, quickly
    found = (find(int(name)) for name in names if name.isdigit())
    return [process for process in found if process is not None]


def collect(processes: Iterable[Process]) -> None:
    """Collects those of them that have ended and are our own children: orphans come to who is their subreaper."""
    for process in processes:
        if process.is_zombie and process.parent == os.getpid():
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def below(root: int) -> list[Process]:
    """All descendants of a process, zombies among them."""
    children: dict[int, list[Process]] = {}
    for process in everything():
        children.setdefault(process.parent, []).append(process)
    found, parents = [], [root]
    while parents:
        generation = [child for parent in parents for child in children.get(parent, ())]
        found += generation
        parents = [child.pid for child in generation]
    return found
