"""The loop in which a process runs tasks, and the ear that hears which ones can be run."""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg

from core import environment
from core.channels import TASKS_CHANNEL
from core.jitter import jittered
from mcp_runtime.durable.runner import Runner
from mcp_runtime.lines import DatabaseAway, connect

logger = logging.getLogger(__name__)

# The Celery task that runs one, and its queue: of its own, so that no tenant's calls stand before the platform's jobs.
RUN_TASK = "mcp_runtime.run_task"
QUEUE = "tasks"
SWEEP_SECONDS = 1.0
# How long a task that was sent out is left alone before it is sent out again.
PATIENCE_SECONDS = 2.0
PAUSES = (0.1, 5.0)
STOP_SECONDS = 5.0

type SendOut = Callable[[str, str], object]


class RunnerThread:
    """A thread with a loop and a `Runner` in it, for threads that wait for a task to be run."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._urls = (database_url, redis_url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="task runner", daemon=True)
        self._thread.start()
        self._runner = self._call(self._make())
        self._listening: list[asyncio.Task[None]] = []

    def _serve(self) -> None:
        self._loop.run_forever()
        # Here, because the Channels layer has its loop wait for it when it is closed.
        self._loop.close()

    async def _make(self) -> Runner:
        return Runner(*self._urls)

    def _call[T](self, coroutine: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def run(self, tenant_id: str, task_id: str) -> None:
        """Runs a task, and returns when it ended or waits for answers."""
        self._call(self._runner.run(tenant_id, task_id))

    def send_out(self, send: SendOut) -> None:
        """From now on has `send` called, in threads, with tenant and id of each task that can be run."""
        self._call(self._begin(send))

    async def _begin(self, send: SendOut) -> None:
        self._listening = [asyncio.create_task(self._hear(send)), asyncio.create_task(self._sweep(send))]

    def stop(self) -> None:
        """Ends the loop; what is unfinished is run again when its lease is over."""
        self._call(self._end(), STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._runner.close()

    async def _hear(self, send: SendOut) -> None:
        """Sends out what is announced, for ever; reconnects with growing, jittered pauses."""
        pause = PAUSES[0]
        while True:
            try:
                async with await connect(self._urls[0]) as connection:
                    await connection.execute(f"LISTEN {TASKS_CHANNEL}")
                    pause = PAUSES[0]
                    async for notification in connection.notifies():
                        tenant_id, _, task_id = notification.payload.partition("/")
                        await _sent(send, tenant_id, task_id)
            except (psycopg.Error, OSError) as error:
                logger.warning("tasks are found by looking until the database is back: %s", type(error).__name__)
            await asyncio.sleep(jittered(pause))
            pause = min(pause * 2, PAUSES[1])

    async def _sweep(self, send: SendOut) -> None:
        """Sends out what is due and was not heard of, or was left by one who died."""
        while True:
            await asyncio.sleep(jittered(SWEEP_SECONDS))
            try:
                due = await self._runner.due(PATIENCE_SECONDS)
            except DatabaseAway:
                continue
            for tenant_id, task_id in due:
                await _sent(send, tenant_id, task_id)


async def _sent(send: SendOut, tenant_id: str, task_id: str) -> None:
    try:
        await asyncio.to_thread(send, tenant_id, task_id)
    except Exception as error:  # noqa: BLE001  whatever the broker's client raises: the schedule brings the task back
        logger.warning("a task waits for the broker: %s", type(error).__name__)


@functools.cache
def runner_thread() -> RunnerThread:
    """This process's, made on first use by what the environment says."""
    return RunnerThread(environment.secret("DATABASE_URL"), environment.secret("REDIS_URL"))
