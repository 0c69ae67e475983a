"""A circuit breaker: it keeps calls from an upstream that fails, and lets one through to see whether it still does.

Closed while all is well, and then without any work: `is_calm` is the one thing that a call looks at. Pure: the clock
and the jitter are given.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What happens to a call."""

    CLOSED = "closed"  # it goes through
    OPEN = "open"  # it is refused at once
    HALF_OPEN = "half_open"  # one goes through, and decides


@dataclass(frozen=True, slots=True)
class Limits:
    """`in_a_row` failures, or `share` of at least `calls` within `seconds`, open it: for `pauses` seconds, the first
    and the longest, doubled by each trial that fails."""

    in_a_row: int = 5
    calls: int = 20
    share: float = 0.5
    seconds: float = 30.0
    pauses: tuple[float, float] = (2.0, 60.0)


@dataclass(frozen=True, slots=True)
class Held:
    """Why a call is refused: the last failure, when the breaker opened and when the next is tried, by the clock."""

    reason: str
    since: float
    until: float


LIMITS = Limits()
MAXIMUM_NOTED = 1_000


class Breaker:
    """`opened(breaker, seconds)` is called when it opens by what happened here, and `closed(breaker)` likewise."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "_closed",
        "_failures",
        "_has_trial",
        "_in_a_row",
        "_jitter",
        "_limits",
        "_noted",
        "_opened",
        "_trials_failed",
        "is_calm",
        "reason",
        "since",
        "state",
        "until",
    )

    def __init__(
        self,
        clock: Callable[[], float],
        jitter: Callable[[float], float],
        *,
        opened: Callable[["Breaker", float], None] = lambda _breaker, _seconds: None,
        closed: Callable[["Breaker"], None] = lambda _breaker: None,
        limits: Limits = LIMITS,
    ) -> None:
        self._clock, self._jitter, self._limits = clock, jitter, limits
        self._opened, self._closed = opened, closed
        self.state = State.CLOSED
        self.reason = ""
        self.since = self.until = 0.0
        self._has_trial = False
        self._trials_failed = 0
        self._calm_down()

    def _calm_down(self) -> None:
        # Nothing failed of late: calls need not be noted.
        self.is_calm = True
        self._in_a_row = 0
        self._failures = 0
        self._noted: deque[tuple[float, bool]] = deque()

    def enter(self) -> Held | None:
        """Whether a call may go through: None, or why it may not. Who may has to say how it ended.

        While half open, the call that may is the trial, and says so.
        """
        if self.state is State.CLOSED:
            return None
        if self.state is State.OPEN and self._clock() >= self.until:
            self.state = State.HALF_OPEN
        if self.state is State.HALF_OPEN and not self._has_trial:
            self._has_trial = True
            return None
        return Held(self.reason, self.since, max(self.until, self._clock()))

    def succeeded(self, *, trial: bool = False) -> None:
        """A call that was let through was answered. One that began before the breaker opened tells nothing new."""
        if self.state is State.CLOSED:
            if not self.is_calm:
                self._in_a_row = 0
                self._note(failed=False)
        elif trial:
            self._close()
            self._closed(self)

    def failed(self, reason: str, *, trial: bool = False) -> None:
        """A call that was let through failed."""
        if self.state is State.CLOSED:
            self.reason, self.is_calm = reason, False
            self._in_a_row += 1
            self._note(failed=True)
            if self._in_a_row >= self._limits.in_a_row or self._fails_too_often():
                self.since = self._clock()
                self._open()
        elif trial and self.state is State.HALF_OPEN:
            self.reason = reason
            self._trials_failed += 1
            self._open()

    def left(self, *, trial: bool = False) -> None:
        """A call that was let through ended without telling anything: its client left, for one."""
        if trial:
            self._has_trial = False

    def hear_opened(self, seconds: float, reason: str) -> None:
        """Opens for so many seconds, as another worker's did."""
        if self.state is State.CLOSED:
            self.since = self._clock()
        self.state, self.reason, self.is_calm, self._has_trial = State.OPEN, reason, False, False
        self.until = self._clock() + seconds

    def hear_closed(self) -> None:
        """Closes, as another worker's did, or since probes say that all is well."""
        if self.state is not State.CLOSED:
            self._close()

    def _open(self) -> None:
        first, longest = self._limits.pauses
        seconds = self._jitter(min(first * 2.0 ** min(self._trials_failed, 16), longest))
        self.state, self.until, self._has_trial = State.OPEN, self._clock() + seconds, False
        self._opened(self, seconds)

    def _close(self) -> None:
        self.state, self._has_trial, self._trials_failed = State.CLOSED, False, 0
        self._calm_down()

    def _note(self, *, failed: bool) -> None:
        now, noted = self._clock(), self._noted
        noted.append((now, failed))
        self._failures += failed
        while len(noted) > MAXIMUM_NOTED or noted[0][0] < now - self._limits.seconds:
            self._failures -= noted.popleft()[1]
        if not self._failures:
            self._calm_down()

    def _fails_too_often(self) -> bool:
        return len(self._noted) >= self._limits.calls and self._failures >= self._limits.share * len(self._noted)
