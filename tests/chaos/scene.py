"""One trial: a fault in a running house, what the probe saw of it, and until when."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.accounts import SHIPPED_SECONDS, at, settled
from tests.chaos.house import SUPERVISOR, ChaosFailed, House
from tests.chaos.probe import Outcome, Probe, all_answered, first_bad
from tests.chaos.processes import find
from tests.chaos.streams import Streams
from tests.chaos.upstream import Upstream

HEALTH_SECONDS = 90.0
LOOK_SECONDS = 0.02
STREAMS = 20
ZOMBIE_SECONDS = 1.0
UNBILLED_SECONDS = 10.0
# A supervisor waits longer for a child that lived shorter: only after this does the first, short pause count again.
HEALTHY_SECONDS = 30.5


class Load(StrEnum):
    """What goes on when the fault comes."""

    IDLE = "idle"
    CALLS = "calls"
    STREAMS = "streams"


@dataclass
class Trial:
    """What was measured. Moments are seconds after the fault, or after its end where it lasts (`lasted`)."""

    case: str
    group: str
    load: Load
    number: int
    # First failed call, and the supervisor's first word that the victim is not well; None: never.
    felt: float | None = None
    noticed: float | None = None
    # Every client has had a good answer again; what was hit does its work again.
    answered: float | None = None
    restored: float | None = None
    lasted: float = 0.0
    good: int = 0
    refused: int = 0
    unknown: int = 0
    # The longest that a good answer took, in seconds.
    slowest: float = 0.0
    streams_ended: int = 0
    lost: int = 0
    # Calls that the platform has said it could not write down, as it may when a disk is full.
    unbilled: int = 0
    doubled: int = 0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = 0.0
    healed_at: float = 0.0


type Strike = Callable[["Scene", Trial], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A fault. `victims` are the roles that are hit: they have to do their work again within `bound` seconds.

    `trials` are of the full run, `short` of the short one. With `goes_on` no call may fail. With `rested` the victims
    have to be old enough for the shortest pause before a restart.
    """

    name: str
    group: str
    load: Load
    strike: Strike
    victims: tuple[str, ...] = ()
    bound: float = 30.0
    trials: int = 1
    short: int = 0
    goes_on: bool = False
    rested: bool = False
    # Whether the victims come back as other processes.
    replaced: bool = False
    # What the machine has to allow (House.abilities).
    needs: tuple[str, ...] = ()
    # Which kind of house it needs: that of most, or one of its own.
    house: str = ""


class Scene:
    """A house with the probe about it."""

    def __init__(self, house: House, upstream: Upstream) -> None:
        self.house = house
        self.upstream = upstream
        first, second = house.accounts[:2]
        # About 130 calls a second together: enough to be hit by anything, and far from busy.
        self.probes = [
            Probe(first, house.port, lines=6, interval=0.055),
            Probe(second, house.port, lines=2, interval=0.1),
        ]
        self.streams = Streams(first, house.port, STREAMS)
        self._killed: set[str] = set()
        self._former: dict[str, int] = {}
        self._unbilled: dict[str, set[int]] = {account.tenant: set() for account in house.accounts}

    async def prepare(self, case: Case) -> None:
        """Waits until everything is well, and brings up the load; raises ChaosFailed."""
        await self.health()
        if case.rested:
            await self._rest(case.victims)
        if case.load is Load.STREAMS:
            self.streams.start()
            await self.until(lambda: self.streams.are_open == STREAMS, "the streams open")
        for probe in self.probes:
            if case.load is Load.IDLE:
                await probe.stop()
            else:
                probe.start()
        await asyncio.sleep(0.3)

    async def health(self) -> None:
        """Waits until every child is well; raises ChaosFailed."""
        limit = time.monotonic() + HEALTH_SECONDS
        while not await self.house.proves(SUPERVISOR):
            if time.monotonic() > limit:
                children = await self.house.children()
                unwell = [name for name, child in children.items() if not child["well"]]
                raise ChaosFailed(f"not well after {HEALTH_SECONDS:.0f} s: {', '.join(unwell) or 'nobody answers'}")
            await asyncio.sleep(0.1)

    async def until(self, look: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Waits for something; raises ChaosFailed."""
        limit = time.monotonic() + seconds
        while not look():
            if time.monotonic() > limit:
                raise ChaosFailed(f"not after {seconds:.0f} s: {what}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _rest(self, victims: tuple[str, ...]) -> None:
        for role in victims:
            if role in self._killed:
                process = find(await self.house.pid(role))
                await asyncio.sleep(max(0.0, HEALTHY_SECONDS - process.age) if process else 0.0)
            self._killed.add(role)

    async def run(self, case: Case, number: int) -> Trial:
        """One trial of a case."""
        trial = Trial(case.name, case.group, case.load, number)
        starts = [probe.next_number for probe in self.probes]
        await self.prepare(case)
        self._former = {role: await self.house.pid(role) for role in case.victims}
        watching = asyncio.create_task(self._watch(case, trial))
        dropped = len(self.streams.ended)
        try:
            trial.began = time.monotonic()
            await case.strike(self, trial)
            trial.healed_at = trial.healed_at or trial.began
            await self._recover(case, trial)
        finally:
            watching.cancel()
        trial.streams_ended = len(self.streams.ended) - dropped
        await self.streams.stop()
        self._sum_up(case, trial)
        await self._account(trial, starts)
        return trial

    def hit(self, trial: Trial) -> None:
        """The fault comes now. A client that was idle calls from now on."""
        trial.began = time.monotonic()
        for probe in self.probes:
            probe.start()

    def healed(self, trial: Trial) -> None:
        """A fault that lasted is over now."""
        trial.healed_at = time.monotonic()
        trial.lasted = trial.healed_at - trial.began

    async def _watch(self, case: Case, trial: Trial) -> None:
        """Notes when the supervisor says of a victim that it is not well, or is another process."""
        while trial.noticed is None:
            children = await self.house.children()
            if trial.began and any(
                not child.get("well") or child.get("pid") != self._former[role]
                for role in case.victims
                if role != SUPERVISOR and (child := children.get(role)) is not None
            ):
                trial.noticed = time.monotonic() - trial.began
            await asyncio.sleep(LOOK_SECONDS)

    async def _recover(self, case: Case, trial: Trial) -> None:
        limit = time.monotonic() + case.bound
        since = trial.healed_at
        while trial.answered is None or trial.restored is None:
            if trial.restored is None and await self._all_prove(case):
                trial.restored = time.monotonic() - since
            answered = [all_answered(probe, since) for probe in self.probes]
            if trial.answered is None and None not in answered:
                trial.answered = max(moment for moment in answered if moment is not None) - since
            if time.monotonic() > limit:
                trial.broken.append(f"not recovered within {case.bound:.0f} s")
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _all_prove(self, case: Case) -> bool:
        if case.replaced:
            children = await self.house.children()
            pids = {role: self.house.platform.pid if role == SUPERVISOR else 0 for role in case.victims}
            pids |= {role: child.get("pid", 0) for role, child in children.items() if role in pids}
            if any(pid in (0, self._former[role]) for role, pid in pids.items()):
                return False
        return all([await self.house.proves(role) for role in case.victims])

    def _sum_up(self, case: Case, trial: Trial) -> None:
        bad = [moment for probe in self.probes if (moment := first_bad(probe, trial.began)) is not None]
        trial.felt = min(bad) - trial.began if bad else None
        for probe in self.probes:
            for heard in probe.since(trial.began):
                self._count(case, trial, heard.outcome, heard.said)
                if heard.outcome is Outcome.GOOD:
                    trial.slowest = max(trial.slowest, heard.done - heard.sent)

    @staticmethod
    def _count(case: Case, trial: Trial, outcome: Outcome, said: str) -> None:
        trial.good += outcome is Outcome.GOOD
        trial.refused += outcome is Outcome.REFUSED
        trial.unknown += outcome is Outcome.LOST
        if outcome is Outcome.WRONG:
            trial.broken.append(f"a wrong answer: {said}")
        elif outcome is not Outcome.GOOD:
            if case.goes_on:
                trial.broken.append(f"a call failed that had to go on: {said}")
            elif outcome is Outcome.REFUSED and len(trial.notes) < 3:
                trial.notes.append(said)

    async def anew(self) -> None:
        """Brings the house into its right state after a trial that could not be finished; raises ChaosFailed."""
        await self.streams.stop()
        for probe in self.probes:
            await probe.stop()
        await self.house.stop()
        await self.house.start_again()

    async def close(self, trials: list[Trial]) -> None:
        """Stops the house, and notes at the last trial what was left of it, and whether all the calls are even."""
        last = trials[-1]
        for probe in self.probes:
            await probe.stop()
        for probe in self.probes:
            await self._compare(last, probe, range(probe.next_number))
        if last.lost > last.unbilled:
            last.broken.append(f"{last.lost} lost, looking at all calls once more")
        if zombies := self.house.zombies():
            await asyncio.sleep(ZOMBIE_SECONDS)
            kept = {process.pid for process in zombies} & {process.pid for process in self.house.zombies()}
            last.broken += [f"zombie: {pid}" for pid in kept]
        last.broken += [f"orphan at the end: {process.command}" for process in await self.house.stop()]

    async def _account(self, trial: Trial, starts: list[int]) -> None:
        """Compares the trial's calls with the ledger; those of connections that broke are not in flight any more."""
        for probe, start in zip(self.probes, starts, strict=True):
            await self._compare(trial, probe, range(start, probe.next_number))
        if trial.lost > trial.unbilled:
            trial.broken.append(f"{trial.lost} lost, while the platform told of {trial.unbilled}")
        elif trial.unbilled:
            trial.notes.append(f"{trial.unbilled} calls were served and not written down, and the platform said so")

    async def _compare(self, trial: Trial, probe: Probe, numbers: range) -> None:
        known = self._unbilled[probe.account.tenant]
        patience = UNBILLED_SECONDS if trial.unbilled else SHIPPED_SECONDS
        found = await settled(at(self.house.admin_url()), probe, numbers, patience)
        lost = set(found.lost) - known
        trial.lost += len(lost)
        trial.doubled += len(found.doubled)
        if trial.unbilled:
            known |= lost
        if found.doubled or found.strange:
            trial.broken.append(
                f"{probe.account.tenant}: {len(found.doubled)} calls are in the ledger twice, "
                f"{found.strange} rows are nobody's"
            )
