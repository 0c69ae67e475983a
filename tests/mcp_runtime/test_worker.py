"""The supervised tasks behind a worker: whichever of them ends, calls go on, and what it did is done again."""

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial

import pytest

from core.supervision.intensity import Backoff
from mcp_runtime.quota.quotas import Quotas
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, eventually, in_console, serving

CHILDREN = (
    "core/listener",
    "core/refresher",
    "core/quotas",
    "links/bus",
    "observability/shipper",
    "observability/hearing",
)
ECHO = {"name": "echo", "arguments": {}}


def _task(name: str) -> "asyncio.Task[object]":
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == name]
    return task


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children come back without delay."""
    monkeypatch.setattr(Backoff, "next", lambda _self, _lived: 0.0)


@pytest.fixture
async def worker(at_once: None) -> AsyncIterator[Worker]:
    async with serving(Worker()) as worker:
        yield worker


@pytest.mark.parametrize("name", CHILDREN)
async def test_a_task_that_ends_comes_back_and_changes_are_heard(worker: Worker, stage: Stage, name: str) -> None:
    client = stage.client(worker)
    assert "result" in (await client.modern("tools/call", ECHO)).json
    ended = _task(name)
    ended.cancel()
    await asyncio.wait([ended], timeout=BOUND_SECONDS)
    await in_console(partial(stage.add_tool, "later"))

    async def there() -> bool:
        return b"later" in (await client.modern("tools/list")).body

    await eventually(there)
    assert not _task(name).done()


async def test_a_worker_beyond_help_makes_way_for_another(
    at_once: None, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond_help = asyncio.Event()

    async def fall(_self: Quotas) -> None:
        raise RuntimeError(os.strerror(5))

    monkeypatch.setattr(Quotas, "run", fall)
    async with serving(Worker(escalate=beyond_help.set), listening=False) as worker:
        await asyncio.wait_for(beyond_help.wait(), BOUND_SECONDS)
        # It is to be replaced, and goes on until it is.
        assert "result" in (await stage.client(worker).modern("tools/call", ECHO)).json
