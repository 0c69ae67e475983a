"""What `armstrong top` shows of what it was told."""

import io
from dataclasses import replace

from rich.console import Console

from config.cli.top import picture
from config.machine.watching import Seen

WORKER = Seen(
    name="runtime-1",
    state="ready",
    is_well=True,
    pid=42,
    restarts=0,
    heartbeat_age=0.1,
    loop_lag=0.001,
    connections=7,
    task_restarts=0,
    calls_lost=0,
    memory=64 * 1024 * 1024,
    rolls=True,
)


def _shown(*seen: Seen) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    console.print(picture(seen, {}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_quiet_platform_is_well_and_shows_no_noughts() -> None:
    sentence, *table = _shown(WORKER)
    assert sentence == "All 1 are well, 7 connections are open"
    assert table[-1].split() == ["runtime-1", "ready", "42", "100", "ms", "1", "ms", "7", "64", "MiB"]


def test_restarts_of_tasks_inside_a_process_are_shown_beside_its_own() -> None:
    rows = _shown(replace(WORKER, task_restarts=3), replace(WORKER, name="runtime-2", restarts=2))
    assert rows[-2].split()[3:5] == ["0", "+3"]
    assert rows[-1].split()[3] == "2"


def test_calls_missing_from_the_ledger_are_said_before_anything_but_a_process_that_is_not_well() -> None:
    lossy = replace(WORKER, calls_lost=5)
    assert _shown(lossy)[0] == "All 1 are well, but 5 calls are missing from the ledger: see the logs"
    assert _shown(lossy, replace(WORKER, name="jobs", is_well=False))[0] == "Not well: jobs"
