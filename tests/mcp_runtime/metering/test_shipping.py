"""From journal to ledger: nothing is lost and nothing counts twice, whoever dies and whatever is away."""

import logging
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.ledger.models import UsageEvent, UsageWatermark
from billing.models import UptimeDue
from billing.uptime.choosing import uptime_watch
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.metering.journal import Journal, boots_in, segments_of
from mcp_runtime.metering.ledger import Ledger
from mcp_runtime.metering.records import record
from mcp_runtime.metering.shipper import Shipper
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console, serving
from tests.mcp_runtime.metering.conftest import row, rows_of, shipped
from tests.mcp_runtime.snapshots.proxy import proxying

URL = os.environ["DATABASE_URL"]
NOW = datetime.now(UTC)


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    """A connection to the ledger."""
    ledger = Ledger(URL)
    yield ledger
    await ledger.close()


@pytest.fixture
def tenant_id() -> uuid.UUID:
    """A tenant that nobody else in this run has calls of."""
    return uuid.uuid4()


async def _names(tenant_id: uuid.UUID) -> list[str]:
    return sorted(row.name for row in await in_console(lambda: rows_of(tenant_id)))


def _died(folder: Path, tenant_id: uuid.UUID, count: int, **options: int) -> Journal:
    """What a worker leaves that was killed after `count` calls: its files, and no lock held on them."""
    journal = Journal(folder, **options)
    for number in range(count):
        journal.append(row(tenant_id, NOW, f"call-{number}"))
    journal.close()
    return journal


async def test_a_dead_workers_journal_is_replayed_once_and_deleted(
    tmp_path: Path, ledger: Ledger, tenant_id: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    dead = _died(tmp_path, tenant_id, 2500, segment_bytes=64 * 1024)
    assert len(segments_of(tmp_path, dead.boot)) > 3
    shipper = Shipper(Journal(tmp_path), ledger)
    await shipper.replay()
    assert await _names(tenant_id) == sorted(f"call-{number}" for number in range(2500))
    assert os.listdir(tmp_path) == []  # noqa: PTH208  in a loop
    assert (shipper.damaged, shipper.missing) == (0, 0)


async def test_a_journal_that_was_shipped_in_part_is_not_counted_twice(
    tmp_path: Path, ledger: Ledger, tenant_id: uuid.UUID
) -> None:
    dead = _died(tmp_path, tenant_id, 50)
    await ledger.ship(dead.boot, [(number, row(tenant_id, NOW, f"call-{number - 1}")) for number in range(1, 31)])
    await Shipper(Journal(tmp_path), ledger).replay()
    assert len(await _names(tenant_id)) == 50
    # Again, as when a worker dies between storing the last of a journal and deleting it.
    await ledger.ship(dead.boot, [(number, row(tenant_id, NOW, "again")) for number in range(1, 51)])
    assert len(await _names(tenant_id)) == 50


async def test_minutes_are_marked_for_whoever_looks_at_uptime_and_of_watched_tenants_alone(
    ledger: Ledger, tenant_id: uuid.UUID
) -> None:
    minute, other = NOW.replace(second=0, microsecond=0), uuid.uuid4()
    await in_console(lambda: uptime_watch(tenant_id))
    of_watched = [row(tenant_id, minute - timedelta(minutes=ago), "call") for ago in (5, 5, 0)]
    boot = uuid.uuid4().int >> 65
    await ledger.ship(boot, list(enumerate([*of_watched, row(other, NOW, "call")], 1)))

    def marks() -> list[tuple[uuid.UUID, datetime, int]]:
        found = UptimeDue.objects.filter(boot=boot).order_by("minute")
        return list(found.values_list("tenant_id", "minute", "sequence"))

    assert await in_console(marks) == [(tenant_id, minute - timedelta(minutes=5), 2), (tenant_id, minute, 3)]


async def test_the_journal_of_a_living_worker_is_left_alone(
    tmp_path: Path, ledger: Ledger, tenant_id: uuid.UUID
) -> None:
    living = Journal(tmp_path)
    living.append(row(tenant_id, NOW))
    await Shipper(Journal(tmp_path), ledger).replay()
    assert boots_in(tmp_path) == [living.boot]
    assert await _names(tenant_id) == []
    living.close()


async def test_a_torn_and_a_damaged_record_are_skipped_counted_and_said(
    tmp_path: Path, ledger: Ledger, tenant_id: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    dead = _died(tmp_path, tenant_id, 10)
    (path,) = segments_of(tmp_path, dead.boot)
    data = bytearray(path.read_bytes())
    size = len(record(1, row(tenant_id, NOW, "call-0")))
    data[4 * size + 40] ^= 0xFF
    path.write_bytes(data[: 10 * size - 5])
    shipper = Shipper(Journal(tmp_path), ledger)
    with caplog.at_level(logging.ERROR):
        await shipper.replay()
    assert await _names(tenant_id) == [f"call-{number}" for number in range(9) if number != 4]
    assert (shipper.damaged, shipper.missing) == (2, 1)
    assert "damaged in 2 places: 1 calls are missing" in caplog.text


async def test_what_the_ledger_cannot_take_does_not_stop_the_rest(
    ledger: Ledger, tenant_id: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    records = [(number, row(tenant_id, NOW, f"call-{number}")) for number in range(1, 20)]
    records[7] = (8, b"no\trow\n")
    records[18] = (19, row(tenant_id, NOW, "x" * 300))
    boot = Journal(Path("unused")).boot
    assert await ledger.ship(boot, records) == 2
    assert len(await _names(tenant_id)) == 17
    assert (await in_console(lambda: UsageWatermark.objects.get(boot=boot))).sequence == 19


async def test_calls_of_days_without_a_partition_get_one(ledger: Ledger, tenant_id: uuid.UUID) -> None:
    moments = [NOW - timedelta(days=day) for day in (0, 44, 43, 2)]
    boot = Journal(Path("unused")).boot
    await ledger.ship(boot, [(number, row(tenant_id, at)) for number, at in enumerate(moments, 1)])
    stored = await in_console(lambda: rows_of(tenant_id))
    assert [found.at for found in stored] == moments


async def test_while_the_database_is_away_calls_are_answered_and_journalled(stage: Stage, tmp_path: Path) -> None:
    async with proxying(URL) as proxy, serving(Worker(database_url=proxy.url, journal=tmp_path)) as worker:
        client = stage.client(worker)
        await client.modern("tools/call", {"name": "echo", "arguments": {}})
        await shipped(stage, 1)
        await proxy.cut()
        for _ in range(20):
            assert (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 200
        assert len(await in_console(lambda: rows_of(stage.tenant.id))) == 1
        await proxy.mend()
        await shipped(stage, 21)


async def test_a_worker_that_stops_while_the_database_is_away_leaves_its_journal(stage: Stage, tmp_path: Path) -> None:
    async with proxying(URL) as proxy, serving(Worker(database_url=proxy.url, journal=tmp_path)) as worker:
        await stage.client(worker).modern("tools/call", {"name": "echo", "arguments": {}})
        await shipped(stage, 1)
        await proxy.cut()
        await stage.client(worker).modern("tools/call", {"name": "echo", "arguments": {}})
    assert len(boots_in(tmp_path)) == 1
    async with serving(Worker(journal=tmp_path)):
        await shipped(stage, 2)


async def test_a_worker_that_stops_in_order_leaves_nothing_behind(stage: Stage, tmp_path: Path) -> None:
    async with serving(Worker(journal=tmp_path)) as worker:
        await stage.client(worker).modern("tools/call", {"name": "echo", "arguments": {}})
    assert len(await in_console(lambda: rows_of(stage.tenant.id))) == 1
    assert os.listdir(tmp_path) == []  # noqa: PTH208  in a loop


async def test_a_commit_whose_answer_was_lost_counts_once(ledger: Ledger, tenant_id: uuid.UUID, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(row(tenant_id, NOW))
    await ledger.ship(journal.boot, [(1, row(tenant_id, NOW))])
    shipper = Shipper(journal, ledger)
    await shipper.ship()
    assert len(await _names(tenant_id)) == 1
    journal.close()


async def test_a_call_whose_answer_never_left_is_shipped_too(
    ledger: Ledger, tenant_id: uuid.UUID, tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    journal.together(lambda: journal.append(row(tenant_id, NOW)))
    await Shipper(journal, ledger).ship()
    assert len(await _names(tenant_id)) == 1
    journal.close()


async def test_without_a_database_shipping_says_so(tmp_path: Path, tenant_id: uuid.UUID) -> None:
    async with proxying(URL) as proxy:
        away = Ledger(proxy.url)
        await proxy.cut()
        with pytest.raises(DatabaseAway):
            await away.ship(1, [(1, row(tenant_id, NOW))])
        await away.close()


def test_without_a_context_nobody_reads_what_was_shipped() -> None:
    assert not UsageEvent.objects.exists()
