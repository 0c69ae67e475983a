"""Something runs out: descriptors, memory, the journal's disk, time on the loop; and everybody comes back at once."""

import asyncio
import os
import re
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.chaos.calls import encoded, headers_of
from tests.chaos.cases.stops import stall
from tests.chaos.house import DISK, RUNTIMES
from tests.chaos.http1 import Connection, Lost, request
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "starve"
STARVED_SECONDS = 5.0
SPARE_DESCRIPTORS = 2
NEWCOMERS = 60
HERD = 400
HERD_SECONDS = 20.0
# Just below the limit of a body.
BIG_BYTES = 900_000
BIG_CALLERS = 8
SPARE_BYTES = 16 * 1024 * 1024
PAGE_BYTES = resource.getpagesize()
_UNWRITTEN = re.compile(r"(\d+) calls were served and not journalled")


def limited(roles: Sequence[str], what: int, spare: int) -> Strike:
    """Leaves processes hardly more of something than they use, while many and large requests come."""

    async def strike(scene: Scene, trial: Trial) -> None:
        pids = [await scene.house.pid(role) for role in roles]
        former = {pid: resource.prlimit(pid, what) for pid in pids}
        scene.hit(trial)
        for pid, limits in former.items():
            resource.prlimit(pid, what, (_used(pid, what) + spare, limits[1]))
        try:
            await asyncio.gather(_newcomers(scene, NEWCOMERS, STARVED_SECONDS), _big_calls(scene, STARVED_SECONDS))
        finally:
            for pid, limits in former.items():
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, what, limits)
        scene.healed(trial)

    return strike


def _used(pid: int, what: int) -> int:
    if what == resource.RLIMIT_NOFILE:
        return max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1  # noqa: PTH208  the names alone
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


async def _newcomers(scene: Scene, count: int, seconds: float) -> list[float | None]:
    """Clients that all come at the same moment; how long each waited for its answer, None for never."""
    account, port = scene.house.accounts[1], scene.house.port
    body = encoded(1, "ping", {})
    headers = headers_of(account, f"localhost:{port}", "ping") | {"MCP-Protocol-Version": "2025-06-18"}
    asked = request("POST", account.path, {name: text for name, text in headers.items() if "Mcp-" not in name}, body)

    async def one() -> float | None:
        began, connection = time.monotonic(), Connection(port)
        while time.monotonic() - began < seconds:
            try:
                if (await connection.ask(asked, seconds)).status == 200:
                    return time.monotonic() - began
            except Lost:
                await asyncio.sleep(0.05)
        return None

    return await asyncio.gather(*(one() for _ in range(count)))


async def _big_calls(scene: Scene, seconds: float) -> None:
    """A few clients that send as much as they may, all the time."""
    account, port = scene.house.accounts[1], scene.house.port
    message = encoded(1, "tools/call", {"name": "nothing", "arguments": {"text": "x" * BIG_BYTES}})
    asked = request("POST", account.path, headers_of(account, f"localhost:{port}", "nothing"), message)
    until = time.monotonic() + seconds

    async def one() -> None:
        connection = Connection(port)
        while time.monotonic() < until:
            try:
                await connection.ask(asked, seconds)
            except Lost:
                await asyncio.sleep(0.05)
        connection.close()

    await asyncio.gather(*(one() for _ in range(BIG_CALLERS)))


async def full_loop(scene: Scene, trial: Trial) -> None:
    """Nothing but large requests."""
    scene.hit(trial)
    await _big_calls(scene, STARVED_SECONDS)
    scene.healed(trial)


async def herd(scene: Scene, trial: Trial) -> None:
    """Everybody comes back at once when all workers have stood still."""
    await stall(RUNTIMES, 2.0)(scene, trial)
    waited = await _newcomers(scene, HERD, HERD_SECONDS)
    answered = [seconds for seconds in waited if seconds is not None]
    if len(answered) < HERD:
        trial.broken.append(f"{HERD - len(answered)} of {HERD} newcomers were never answered")
    trial.notes.append(f"the last of {HERD} newcomers was answered after {max(answered, default=0.0):.2f} s")


async def full_disk(scene: Scene, trial: Trial) -> None:
    """The journal's disk is full: calls are served, and what is not written down is counted and said."""
    told = _told(scene)
    scene.hit(trial)
    ballast = scene.house.journal / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * PAGE_BYTES)
                file.flush()
        except OSError:
            pass
    try:
        await asyncio.sleep(STARVED_SECONDS)
    finally:
        ballast.unlink()
    scene.healed(trial)
    # A worker says so at its next shipping.
    await asyncio.sleep(2.0)
    trial.unbilled = _told(scene) - told


def _told(scene: Scene) -> int:
    """How many calls all workers have said were not journalled: each of them tells its sum."""
    sums: dict[str, int] = {}
    for line in scene.house.platform.printed().splitlines():
        if found := _UNWRITTEN.search(line):
            sums[line.partition("|")[0]] = int(found[1])
    return sum(sums.values())


def cases() -> Iterator[Case]:
    """All of them."""
    descriptors = resource.RLIMIT_NOFILE
    one, everyone = RUNTIMES[:1], RUNTIMES
    yield _case("a worker has no descriptors left", limited(one, descriptors, SPARE_DESCRIPTORS), short=1)
    yield _case("all workers have no descriptors left", limited(everyone, descriptors, SPARE_DESCRIPTORS))
    yield _case("a worker has no memory left", limited(one, resource.RLIMIT_AS, SPARE_BYTES))
    yield _case("the journal's disk is full", full_disk, needs_disk=True, short=1)
    yield _case("large requests fill the loops", full_loop)
    yield _case(f"{HERD} clients come back at once", herd)


def _case(name: str, strike: Strike, *, short: int = 0, needs_disk: bool = False) -> Case:
    needs = (DISK,) if needs_disk else ()
    return Case(name, GROUP, Load.CALLS, strike, RUNTIMES, 60.0, trials=2, short=short, needs=needs)
