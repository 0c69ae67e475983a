"""Answers leave together, each to its client, in order, and never before their calls are written down."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Self

import pytest

from mcp_runtime.metering.journal import Journal
from mcp_runtime.metering.records import parse
from mcp_runtime.transports import departures as departing
from mcp_runtime.transports.departures import Departures
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS
from tests.mcp_runtime.transports.lanes import CALL, in_lanes, modern_bytes, read_response


class _Pair(asyncio.Protocol):
    """A connection: the transport of one end, and the socket of the other."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Self:
        near, self.far = socket.socketpair()
        near.setblocking(False)
        self.far.settimeout(BOUND_SECONDS)
        self.transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, sock=near)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.far.close()
        self.transport.abort()
        await asyncio.wait_for(self.lost.wait(), BOUND_SECONDS)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()


async def _turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_held_leaves_in_the_same_turn_and_in_order() -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one, _Pair() as two:
        departures.hold(one.transport, b"a")
        departures.hold(two.transport, b"b")
        departures.hold(one.transport, b"c")
        assert said == []
        await _turn()
        assert said == ["written"]
        assert (one.far.recv(9), two.far.recv(9)) == (b"ac", b"b")


async def test_who_has_gone_keeps_nobody_from_theirs() -> None:
    departures = Departures(lambda: None)
    async with _Pair() as gone, _Pair() as here:
        departures.hold(gone.transport, b"a")
        departures.hold(here.transport, b"b")
        gone.transport.abort()
        await _turn()
        assert here.far.recv(9) == b"b"


@pytest.mark.parametrize(("answers", "size"), [(departing.MAXIMUM_ANSWERS, 1), (2, departing.MAXIMUM_BYTES // 2)])
async def test_much_does_not_wait(answers: int, size: int) -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one:
        for number in range(answers):
            assert said == [], number
            departures.hold(one.transport, b"x" * size)
        assert said == ["written"]


async def test_settling_lets_leave_what_belongs_to_the_connection() -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one, _Pair() as other:
        departures.hold(one.transport, b"a")
        departures.settle(other.transport)
        assert said == []
        departures.settle(one.transport)
        assert said == ["written"]
        await _turn()


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


def test_what_is_gathered_is_one_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"first")
    (segment,) = journal.segments
    size = segment.path.stat().st_size
    journal.gathering = True
    journal.append(b"second")
    journal.append(b"third")
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
    journal.gathering = True
    for _ in range(3):
        journal.append(b"call")
    journal.gathering = False
    journal.append(b"call")
    assert (journal.number, journal.lost) == (0, 4)
    journal.close()
