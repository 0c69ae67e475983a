"""The journal serves the calls and not the other way round: whatever happens to it, calls go on."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from mcp_runtime.metering.journal import Journal, boots_in, lock
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, serving


async def test_without_a_place_to_write_calls_are_served_and_it_is_said(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder", encoding="utf-8")
    with caplog.at_level(logging.CRITICAL):
        async with serving(Worker(journal=file / "journal")) as worker:
            for _ in range(3):
                answer = await stage.client(worker).modern("tools/call", {"name": "echo", "arguments": {}})
                assert answer.status == 200

            async def said() -> bool:
                await asyncio.sleep(0)
                return "3 calls were served and not journalled" in caplog.text

            await eventually(said)


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(b"call")
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in journal.folder.iterdir()} == {0o600}
    journal.close()


def test_a_journal_grows_up_to_its_limit_and_then_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1_000, limit_bytes=5_000)
    for _ in range(200):
        journal.append(b"x" * 100)
    assert journal.number + journal.lost == 200
    assert 5_000 <= sum(path.stat().st_size for path in tmp_path.glob("*.journal")) <= 6_000
    journal.close()


def test_a_write_that_fails_leaves_no_part_of_a_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"one")
    segment = journal.segments[0]
    size = segment.path.stat().st_size
    file, full = segment.descriptor, os.open("/dev/full", os.O_RDWR)
    segment.descriptor = full
    journal.append(b"two")
    segment.descriptor = file
    os.close(full)
    assert (journal.number, journal.lost) == (1, 1)
    assert segment.path.stat().st_size == size
    journal.close()


def test_a_run_is_locked_by_who_lives(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"call")
    assert boots_in(tmp_path) == [journal.boot]
    assert lock(tmp_path, journal.boot) is None
    journal.close()
    taken = lock(tmp_path, journal.boot)
    assert taken is not None
    os.close(taken)
