"""Heartbeats in shared memory."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.supervision.heartbeat import VARIABLE, Heartbeat, HeartbeatBoard

ONE_BEAT = """
import os
from core.supervision.heartbeat import Heartbeat
Heartbeat.from_environment().note(0.25)
print(os.getpid())
"""


def test_another_process_is_seen_to_beat(tmp_path: Path) -> None:
    board = HeartbeatBoard(tmp_path / "heartbeats", 3)
    environment = os.environ | {VARIABLE: board.address(1)}
    said = subprocess.run([sys.executable, "-c", ONE_BEAT], env=environment, check=True, capture_output=True, text=True)
    pulse = board.read(1)
    assert pulse is not None
    assert (pulse.pid, pulse.lag) == (int(said.stdout), 0.25)
    assert 0 <= pulse.age < 20
    assert (board.read(0), board.read(2)) == (None, None)


def test_a_cleared_slot_has_no_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = HeartbeatBoard(tmp_path / "heartbeats", 1)
    monkeypatch.setenv(VARIABLE, board.address(0))
    Heartbeat.from_environment().note()
    pulse = board.read(0)
    assert pulse is not None
    assert pulse.lag is None
    board.clear(0)
    assert board.read(0) is None


def test_without_a_supervisor_beating_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    Heartbeat.from_environment().note(1.0)


def test_the_file_is_ours_alone(tmp_path: Path) -> None:
    HeartbeatBoard(tmp_path / "heartbeats", 1)
    assert (tmp_path / "heartbeats").stat().st_mode & 0o777 == 0o600


async def test_a_blocked_event_loop_shows_as_lag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = HeartbeatBoard(tmp_path / "heartbeats", 1)
    monkeypatch.setenv(VARIABLE, board.address(0))
    monkeypatch.setattr("core.supervision.heartbeat.INTERVAL_SECONDS", 0.01)
    task = asyncio.create_task(Heartbeat.from_environment().beat())
    await asyncio.sleep(0)
    subprocess.run(["sleep", "0.3"], check=True)  # noqa: ASYNC221, S607  blocking the loop is the point

    async def lag() -> None:
        while (pulse := board.read(0)) is None or pulse.lag is None or pulse.lag < 0.2:  # noqa: ASYNC110  another process's memory, in principle
            await asyncio.sleep(0)

    await asyncio.wait_for(lag(), 5)
    task.cancel()
