"""What the ledger holds of a tenant, and journals that belong to a test alone."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from billing.ledger.models import UsageEvent
from core.tenancy import tenant_context
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, in_console, serving

ENDPOINT = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
async def metered(tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker whose journal is the test's own."""
    async with serving(Worker(journal=tmp_path / "journal")) as worker:
        yield worker


def rows_of(tenant_id: Any) -> list[UsageEvent]:
    """The tenant's calls, in the order they were journalled."""
    with tenant_context(tenant_id):
        return list(UsageEvent.objects.order_by("boot", "sequence"))


async def shipped(stage: Stage, count: int) -> list[UsageEvent]:
    """The tenant's calls, once there are this many; fails when they do not come, or more do."""
    rows: list[UsageEvent] = []

    async def there() -> bool:
        rows[:] = await in_console(lambda: rows_of(stage.tenant.id))
        return len(rows) >= count

    await eventually(there)
    assert len(rows) == count
    return rows


def row(tenant_id: Any, at: datetime, name: str = "echo", principal: str = "key:1") -> bytes:
    """A call as a worker journals it."""
    moment = int(at.timestamp() * 1_000_000)
    line = f"{moment}\t{tenant_id}\t{ENDPOINT}\t{principal}\ttools/call\t{name}\t2026-07-28\tok\tt\t1500\t10\t20\tr-1\n"
    return line.encode()
