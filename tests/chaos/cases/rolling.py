"""What is done on purpose: reloading, ending one process politely, stopping everything under load."""

import os
import signal
from collections.abc import Iterator

from tests.chaos.house import OURS, RUNTIMES, SUPERVISOR
from tests.chaos.scene import Case, Load, Scene, Trial

GROUP = "roll"


async def reload(scene: Scene, trial: Trial) -> None:
    """Replaces all processes, one by one."""
    scene.hit(trial)
    await scene.house.command("reload")
    scene.healed(trial)


async def end_one(scene: Scene, trial: Trial) -> None:
    """Ends a worker politely."""
    pid = await scene.house.pid(RUNTIMES[0])
    scene.hit(trial)
    os.kill(pid, signal.SIGTERM)


async def stop(scene: Scene, trial: Trial) -> None:
    """Stops everything under load, and starts it again."""
    scene.hit(trial)
    left = await scene.house.stop()
    trial.broken += [f"orphan: {process.command}" for process in left]
    await scene.house.start_again()
    scene.healed(trial)


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("armstrong reload, calls", GROUP, Load.CALLS, reload, OURS, 60.0, 2, 1, goes_on=True, replaced=True)
    yield Case("armstrong reload, streams", GROUP, Load.STREAMS, reload, OURS, 60.0, 2, goes_on=True, replaced=True)
    one = RUNTIMES[:1]
    yield Case("a worker is told to end, calls", GROUP, Load.CALLS, end_one, one, 60.0, 3, goes_on=True, replaced=True)
    yield Case(
        "a worker is told to end, streams", GROUP, Load.STREAMS, end_one, one, 60.0, 3, goes_on=True, replaced=True
    )
    yield Case("everything is stopped under load", GROUP, Load.CALLS, stop, (SUPERVISOR,), 90.0, 2, replaced=True)
