"""How often a child may come back, and how long it waits before it does."""

import time
from collections import deque
from collections.abc import Callable

from core.jitter import chance
from core.supervision.spec import Intensity


class RestartWindow:
    """Counts restarts within the last `intensity.seconds`."""

    def __init__(self, intensity: Intensity, clock: Callable[[], float] = time.monotonic) -> None:
        self._intensity = intensity
        self._clock = clock
        self._moments: deque[float] = deque()

    def allows_another(self) -> bool:
        """Notes a restart now; whether it is still within the intensity."""
        now = self._clock()
        while self._moments and now - self._moments[0] >= self._intensity.seconds:
            self._moments.popleft()
        self._moments.append(now)
        return len(self._moments) <= self._intensity.restarts


class Backoff:
    """Delays that double from `first` to `ceiling` seconds, shortened at random by up to a half.

    The jitter keeps children that fell together from coming back together. A child that lived for `healthy` seconds
    starts over from `first`.
    """

    def __init__(
        self,
        *,
        first: float = 0.1,
        ceiling: float = 5.0,
        healthy: float = 30.0,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self._first = first
        self._ceiling = ceiling
        self._healthy = healthy
        self._jitter = jitter
        self._delay = first

    def next(self, lived: float) -> float:
        """Seconds to wait before starting again a child that lived for `lived` seconds."""
        if lived >= self._healthy:
            self._delay = self._first
        delay = self._delay
        self._delay = min(delay * 2, self._ceiling)
        return delay * (1 - self._jitter() / 2)
