"""A thousand kills of children that have children of their own, some in sessions of theirs: nobody may be left."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chaos.processes import Process, below, collect, find
from tests.chaos.scene import Case, Load, Scene, Strike, Trial
from tests.core.supervision.trees import PROGRAM

GROUP = "orphans"
KILLS = 1_000
CHILDREN = 50
# Its own child, one in another session, and one whose parent has ended: what a killed child leaves behind.
FAMILY = "sleep 600 & setsid sleep 600 & (sleep 600 &) ; wait"
FAMILY_SECONDS = 0.3
LONGEST_SECONDS = 600.0
# The supervisor looks through all processes for each child that ended, and many end at once here.
ZOMBIE_SECONDS = 30.0
GONE_SECONDS = 20.0


def thousand(kills: int) -> Strike:
    """Kills children of a supervisor of their own, as soon as they are there again."""

    async def strike(scene: Scene, trial: Trial) -> None:
        scene.hit(trial)
        with tempfile.TemporaryDirectory() as folder:
            await _kill_all(Path(folder), kills, trial)
        scene.healed(trial)

    return strike


async def _kill_all(folder: Path, kills: int, trial: Trial) -> None:
    supervisor = _start(folder)
    killed: set[int] = set()
    try:
        until = time.monotonic() + LONGEST_SECONDS
        while len(killed) < kills and time.monotonic() < until:
            for pid in [pid for pid in await asyncio.to_thread(_ready, folder) if pid not in killed]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            await asyncio.sleep(0.2)
        zombies = await _lasting_zombies(supervisor.pid)
        family = {process.pid: process for process in below(supervisor.pid)}
    finally:
        supervisor.send_signal(signal.SIGTERM)
        await asyncio.to_thread(supervisor.wait, GONE_SECONDS)
    left = await _left(family)
    trial.notes.append(f"{len(killed)} kills, {len(zombies)} zombies, {len(left)} orphans")
    trial.notes += [f"{process}" for process in zombies[:3]]
    if len(killed) < kills or zombies or left:
        trial.broken.append(trial.notes[0])


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    children = [{"id": f"child-{number}", "argv": ["/bin/sh", "-c", FAMILY]} for number in range(CHILDREN)]
    tree: dict[str, Any] = {"children": children, "intensity": [KILLS, 1.0]}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), json.dumps(tree)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _ready(folder: Path) -> list[int]:
    """The processes of the children that have been there long enough to have children."""
    file = folder / "operations"
    if not file.exists():
        return []
    connection = http.client.HTTPConnection("127.0.0.1", int(file.read_text()), timeout=10)
    try:
        connection.request("GET", "/readyz")
        children = json.loads(connection.getresponse().read())["children"].values()
    except (OSError, http.client.HTTPException):
        return []
    finally:
        connection.close()
    pids = [int(child["pid"]) for child in children if child["state"] == "ready"]
    return [pid for pid in pids if (process := find(pid)) is not None and process.age > FAMILY_SECONDS]


async def _lasting_zombies(root: int) -> list[Process]:
    """Those that have ended by now and are not collected in time."""
    before = {process.pid for process in below(root) if process.is_zombie}
    limit = time.monotonic() + ZOMBIE_SECONDS
    while found := [process for process in below(root) if process.is_zombie and process.pid in before]:
        if time.monotonic() > limit:
            return found
        await asyncio.sleep(0.1)
    return []


async def _left(family: dict[int, Process]) -> list[Process]:
    """Those of the family that are still there, and whoever else came to us when the supervisor ended."""
    limit = time.monotonic() + GONE_SECONDS
    while True:
        ours = [process for process in below(os.getpid()) if _is_of(process, family)]
        collect(ours)
        left = [process for process in ours if not process.is_zombie]
        if not left or time.monotonic() > limit:
            return left
        await asyncio.sleep(0.1)


def _is_of(process: Process, family: dict[int, Process]) -> bool:
    known = family.get(process.pid)
    return (known is not None and known.began == process.began) or process.command.startswith("sleep 600")


def cases() -> Iterator[Case]:
    """One."""
    yield Case(f"{KILLS} kills of children with children", GROUP, Load.IDLE, thousand(KILLS))
