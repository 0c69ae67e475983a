"""What goes on beside the calls of one upstream: supervised tasks, which end with it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from core.supervision.tasks import end_all

logger = logging.getLogger(__name__)


class Tasks:
    """Temporary children (OTP's `simple_one_for_one`): one that fails concerns whoever waits for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts `work`; whether anybody waits for it is up to who starts it."""
        task = asyncio.get_running_loop().create_task(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("%s: %s", self._name, error)

    async def end(self, patience_seconds: float) -> None:
        """Gives them some time to end by themselves, and cancels those that have not."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience_seconds)
        await end_all(set(self._tasks))
