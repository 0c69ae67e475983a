"""kill -9 of each role, at rest, under calls, with streams open; two at once; one again and again; all in turn."""

import asyncio
import os
import signal
from collections.abc import Iterator

from tests.chaos.house import OURS, ROLES, RUNTIMES, SUPERVISOR
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "kill"
# For each role under each load: together over twenty of every role.
TRIALS = 7
SUPERVISOR_SECONDS = 90.0
TOGETHER: tuple[tuple[str, ...], ...] = (
    (RUNTIMES[0], RUNTIMES[1]),
    RUNTIMES,
    ("postgres", "valkey"),
    (RUNTIMES[0], "postgres"),
    ("tasks", "valkey"),
    (*OURS, "postgres", "valkey"),
)
CYCLE_KILLS = 6
# One of each sort is enough for a first impression.
SHORT = (RUNTIMES[0], "postgres", "valkey")


def kill(*roles: str) -> Strike:
    """Kills roles at the same moment."""

    async def strike(scene: Scene, trial: Trial) -> None:
        pids = [await scene.house.pid(role) for role in roles]
        scene.hit(trial)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    return strike


async def kill_supervisor(scene: Scene, trial: Trial) -> None:
    """Kills the supervisor, and starts it again as an init system does."""
    scene.hit(trial)
    os.kill(scene.house.platform.pid, signal.SIGKILL)
    await asyncio.to_thread(scene.house.platform.wait)
    await scene.house.start_again()
    if orphans := await scene.house.leftovers():
        trial.broken.append(f"orphans: {', '.join(process.command for process in orphans)}")


def cycle(role: str) -> Strike:
    """Kills a role each time it is ready: faster than it may come back for ever, slower than it is given up."""

    async def strike(scene: Scene, trial: Trial) -> None:
        scene.hit(trial)
        for _ in range(CYCLE_KILLS):
            former = await scene.house.pid(role)
            os.kill(former, signal.SIGKILL)
            await _another(scene, role, former)
        scene.healed(trial)

    return strike


async def _another(scene: Scene, role: str, former: int) -> None:
    async with asyncio.timeout(30):
        while True:
            child = (await scene.house.children()).get(role, {})
            if child.get("well") and child.get("pid") not in (None, former):
                return
            await asyncio.sleep(0.05)


def cases() -> Iterator[Case]:
    """All of them."""
    for load in Load:
        for role in ROLES:
            name = f"kill -9 {role}, {load}"
            short = int(load is Load.CALLS and role in SHORT)
            yield Case(name, GROUP, load, kill(role), (role,), trials=TRIALS, short=short, rested=True, replaced=True)
    for load in Load:
        yield Case(
            f"kill -9 {SUPERVISOR}, {load}",
            "kill-supervisor",
            load,
            kill_supervisor,
            (SUPERVISOR,),
            bound=SUPERVISOR_SECONDS,
            trials=TRIALS,
            short=int(load is Load.CALLS),
            replaced=True,
        )
    for roles in TOGETHER:
        name = " + ".join(roles) if len(roles) < 4 else "everything but the supervisor"
        yield Case(
            f"kill -9 {name} at once", "kill-together", Load.CALLS, kill(*roles), roles, 60.0, trials=3, replaced=True
        )
    for role in (RUNTIMES[1], "console", "tasks"):
        yield Case(f"kill -9 {role} {CYCLE_KILLS} times", "kill-cycle", Load.CALLS, cycle(role), (role,), bound=60.0)
