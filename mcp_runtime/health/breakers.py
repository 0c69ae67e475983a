"""The breakers of one worker's upstreams: they hear of those of other workers, and have failing upstreams looked at."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from core.jitter import jittered
from core.supervision.tasks import end_all
from mcp_runtime.bus import Bus
from mcp_runtime.health.breaker import Breaker
from mcp_runtime.health.reports import Reports

OPENED = "breaker opened"
CLOSED = "breaker closed"
# An upstream is reported at most this often by one worker.
REPORT_SECONDS = 10.0
JITTER = 0.2
LONGEST_HEARD = 120.0


class Name(NamedTuple):
    """An upstream in one revision: what another revision was opened with fails or works for reasons of its own."""

    upstream_id: str
    revision: int


class Breakers:
    """Makes a breaker for each upstream. Without `bus` and `reports`, nobody else is told."""

    def __init__(self, bus: Bus | None = None, reports: Reports | None = None) -> None:
        self._bus = bus
        self._reports = reports
        self._breakers: WeakValueDictionary[Name, Breaker] = WeakValueDictionary()
        self._reported: dict[str, float] = {}
        self._telling: set[asyncio.Task[None]] = set()
        if bus is not None:
            bus.on(OPENED, self._heard_opened)
            bus.on(CLOSED, self._heard_closed)

    def of(self, upstream_id: str, revision: int) -> "Guard":
        """The guard of an upstream's calls: the same for all who ask as long as one of them holds it."""
        name = Name(upstream_id, revision)
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = Breaker(
                time.monotonic,
                lambda seconds: jittered(seconds, JITTER),
                opened=lambda breaker, seconds: self._opened(name, breaker, seconds),
                closed=lambda _breaker: self._tell(CLOSED, name, {}),
            )
        return Guard(breaker, lambda calls_fail: self._report(upstream_id, calls_fail=calls_fail))

    async def close(self) -> None:
        """Ends what is being told."""
        await end_all(list(self._telling))
        if self._reports is not None:
            await self._reports.close()

    def _opened(self, name: Name, breaker: Breaker, seconds: float) -> None:
        self._tell(OPENED, name, {"seconds": seconds, "reason": breaker.reason})
        self._report(name.upstream_id, calls_fail=True)

    def _tell(self, kind: str, name: Name, data: dict[str, Any]) -> None:
        if self._bus is not None:
            whole = {"upstream": name.upstream_id, "revision": name.revision, "from": self._bus.worker, **data}
            self._begin(self._bus.tell_everyone(kind, whole))

    def _report(self, upstream_id: str, *, calls_fail: bool) -> None:
        """Has the upstream looked at now, unless that was asked for a moment ago."""
        now = time.monotonic()
        if self._reports is None or self._reported.get(upstream_id, 0.0) > now - REPORT_SECONDS:
            return
        self._reported = {name: at for name, at in self._reported.items() if at > now - REPORT_SECONDS}
        self._reported[upstream_id] = now
        self._begin(self._reports.look_now(upstream_id, calls_fail=calls_fail))

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _heard(self, data: dict[str, Any]) -> Breaker | None:
        is_own = self._bus is not None and data["from"] == self._bus.worker
        return None if is_own else self._breakers.get(Name(data["upstream"], data["revision"]))

    def _heard_opened(self, data: dict[str, Any]) -> None:
        breaker = self._heard(data)
        if breaker is not None:
            breaker.hear_opened(min(data["seconds"], LONGEST_HEARD), data["reason"])

    def _heard_closed(self, data: dict[str, Any]) -> None:
        breaker = self._heard(data)
        if breaker is not None:
            breaker.hear_closed()


class Guard:
    """What calls to one upstream go by: its breaker, and whom to tell that it should be looked at."""

    __slots__ = ("_look", "breaker")

    def __init__(self, breaker: Breaker, look: Callable[[bool], None]) -> None:
        self.breaker = breaker
        self._look = look

    def report(self, *, calls_fail: bool) -> None:
        """Has the upstream looked at now; `calls_fail`: calls to it fail, whatever probes say."""
        self._look(calls_fail)
