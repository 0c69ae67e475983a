"""SIGSTOP: processes that are there and do nothing. Those with a loop of ours are killed for it after 20 seconds."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress

from core.supervision.tree import HUNG_SECONDS
from tests.chaos.house import RUNTIMES, SUPERVISOR
from tests.chaos.processes import below
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "stop"
# The supervisor looks once a second, and a new process takes some.
REPLACED_SECONDS = HUNG_SECONDS + 40.0
SHORT_STALL = 3.0
LONG_STALL = 10.0


def hang(role: str) -> Strike:
    """Stops a role for good: it has to be noticed, killed and replaced."""

    async def strike(scene: Scene, trial: Trial) -> None:
        pid = await scene.house.pid(role)
        scene.hit(trial)
        os.kill(pid, signal.SIGSTOP)

    return strike


def stall(roles: Sequence[str], seconds: float) -> Strike:
    """Stops roles, with all that they started, and lets them go on."""

    async def strike(scene: Scene, trial: Trial) -> None:
        pids = [await scene.house.pid(role) for role in roles]
        if SUPERVISOR not in roles:
            pids += [process.pid for pid in list(pids) for process in below(pid)]
        scene.hit(trial)
        send(pids, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            send(pids, signal.SIGCONT)
        scene.healed(trial)

    return strike


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Sends a signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def cases() -> Iterator[Case]:
    """All of them."""
    for role in (*RUNTIMES[:1], "console"):
        yield Case(
            f"{role} hangs until it is replaced",
            GROUP,
            Load.STREAMS if role in RUNTIMES else Load.CALLS,
            hang(role),
            (role,),
            bound=REPLACED_SECONDS,
            trials=2,
            replaced=True,
        )
    yield _stalled("the event loop of one worker", RUNTIMES[:1], SHORT_STALL, short=1)
    yield _stalled("the event loops of all workers", RUNTIMES, SHORT_STALL)
    for role in ("jobs", "tasks", "beat"):
        yield _stalled(role, (role,), LONG_STALL, goes_on=True)
    yield _stalled("the supervisor", (SUPERVISOR,), LONG_STALL, goes_on=True)
    yield _stalled("everything but the supervisor", (*RUNTIMES, "console", "jobs", "tasks", "beat"), SHORT_STALL)


def _stalled(what: str, roles: tuple[str, ...], seconds: float, *, goes_on: bool = False, short: int = 0) -> Case:
    name = f"{what} stands still for {seconds:.0f} s"
    return Case(name, GROUP, Load.CALLS, stall(roles, seconds), roles, 60.0, trials=2, short=short, goes_on=goes_on)
