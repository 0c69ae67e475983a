"""How far behind its loop is, and whether a worker takes new calls: what it cannot do in time it refuses at once."""

import asyncio

# The loop is asked so often, and is late when it comes so much later, twice in a row: a single pause is no overload.
SAMPLE_SECONDS = 0.1
LATE_SECONDS = 0.5


class LoopLag:
    """The lag of one worker's loop."""

    def __init__(self) -> None:
        self._before = 0.0
        self.is_shedding = False

    def note(self, seconds: float) -> None:
        """The loop came so much later than it was asked to."""
        self.is_shedding = min(seconds, self._before) > LATE_SECONDS
        self._before = seconds

    async def run(self) -> None:
        """Measures for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.note(loop.time() - due)
