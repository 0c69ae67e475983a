"""Answers leave after their calls are written down, and what leaves together is written together."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from mcp_runtime.metering.journal import Journal
from mcp_runtime.metering.records import parse
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS
from tests.mcp_runtime.transports.lanes import CALL, in_lanes, modern_bytes, read_response


@pytest.fixture
def journals(monkeypatch: pytest.MonkeyPatch) -> list[Journal]:
    """Those that were written to."""
    used: list[Journal] = []
    flush = Journal.flush

    def noting(journal: Journal) -> None:
        used.append(journal)
        flush(journal)

    monkeypatch.setattr(Journal, "flush", noting)
    return used


async def test_an_answer_that_arrived_is_in_the_journal(stage: Stage, worker: Worker, journals: list[Journal]) -> None:
    async with asyncio.timeout(BOUND_SECONDS), in_lanes(worker) as lanes:
        await stage.client(worker).modern("tools/call", CALL)
        reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
        calls = [modern_bytes(stage, "tools/call", CALL, identifier=number) for number in range(30)]
        writer.write(b"".join(calls))
        assert [json.loads((await read_response(reader))[2])["id"] for _ in calls] == list(range(30))
        assert journals[-1].number == 31
        writer.close()


def _append(journal: Journal, *calls: bytes) -> None:
    for call in calls:
        journal.append(call)


def test_what_is_gathered_is_one_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"first")
    (segment,) = journal.segments
    size = segment.path.stat().st_size
    journal.together(partial(_append, journal, b"second", b"third"))
    assert segment.path.stat().st_size == size
    journal.flush()
    found = parse(segment.path.read_bytes(), is_end=True)
    assert found.records == [(1, b"first"), (2, b"second"), (3, b"third")]
    assert segment.fresh == found.records
    journal.append(b"fourth")
    journal.close()
    (file,) = tmp_path.glob("*.journal")
    assert [payload for _, payload in parse(file.read_bytes(), is_end=True).records][-1] == b"fourth"


def test_what_was_gathered_and_cannot_be_written_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    journal = Journal(tmp_path / "file" / "journal")
    journal.together(partial(_append, journal, b"call", b"call", b"call"))
    journal.append(b"call")
    assert (journal.number, journal.lost) == (0, 4)
    journal.close()
