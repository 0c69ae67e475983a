"""`armstrong top`: every process of the running platform, live: how it is, how late its loop runs, what it holds."""

import argparse
import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.machine.watching import Seen, look, operations_url
from config.problems import Problem

STALE_SECONDS = 2.0
LATE_SECONDS = 0.1
MEBI = 1024 * 1024
# A process's loop lag of the last looks, as a line of bars: full height is a tenth of a second and more.
BARS = " ▁▂▃▄▅▆▇█"
REMEMBERED = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How often to look, and whether once."""
    parser.add_argument("--once", action="store_true", help="print once and end; the status is 1 unless all are well")
    parser.add_argument("--seconds", type=float, default=1.0, help="between two looks (1)")


def run(arguments: argparse.Namespace) -> int:
    """Shows until Ctrl-C; raises Problem where no platform answers at the start."""
    url = operations_url()
    lags: dict[str, list[float]] = {}
    seen = look(url)
    if arguments.once:
        Console().print(picture(seen, lags))
        return int(not all(each.is_well for each in seen))
    with Live(picture(seen, lags), auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(arguments.seconds)
            live.update(_now(url, lags), refresh=True)


def _now(url: str, lags: dict[str, list[float]]) -> RenderableType:
    try:
        seen = look(url)
    except Problem as problem:
        return Text(str(problem), style="bold red")
    for each in seen:
        if each.loop_lag is not None:
            lags[each.name] = [*lags.get(each.name, []), each.loop_lag][-REMEMBERED:]
    return picture(seen, lags)


def picture(seen: Sequence[Seen], lags: dict[str, list[float]]) -> RenderableType:
    """What is shown: a sentence, and a line for each process."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title in ("process", "state", "pid", "restarts", "beat", "loop lag", "", "connections", "memory"):
        table.add_column(title, justify="left" if title in ("process", "state", "") else "right")
    for each in seen:
        table.add_row(*_cells(each, lags.get(each.name, [])))
    return Group(_sentence(seen), Text(), table)


def _sentence(seen: Sequence[Seen]) -> Text:
    unwell = [each.name for each in seen if not each.is_well]
    if unwell:
        return Text(f"Not well: {', '.join(unwell)}", style="bold red")
    if lost := sum(each.calls_lost or 0 for each in seen):
        return Text(
            f"All {len(seen)} are well, but {lost} calls are missing from the ledger: see the logs", style="red"
        )
    held = sum(each.connections or 0 for each in seen)
    return Text(f"All {len(seen)} are well, {held} connections are open", style="bold green")


def _cells(each: Seen, lags: Sequence[float]) -> list[RenderableType]:
    return [
        Text(each.name, style="bold"),
        Text(each.state, style="green" if each.is_well else "red"),
        str(each.pid or ""),
        _restarts(each),
        _seconds(each.heartbeat_age, STALE_SECONDS),
        _seconds(each.loop_lag, LATE_SECONDS),
        Text("".join(_bar(lag) for lag in lags), style="cyan"),
        "" if each.connections is None else f"{each.connections:,}",
        "" if each.memory is None else f"{each.memory / MEBI:,.0f} MiB",
    ]


def _restarts(each: Seen) -> Text:
    """Of the process, and after a plus those of the tasks inside it since it began."""
    inside = f" +{each.task_restarts}" if each.task_restarts else ""
    return Text(f"{each.restarts or (0 if inside else '')}{inside}", style="yellow")


def _seconds(value: float | None, alarming: float) -> Text:
    if value is None:
        return Text("")
    return Text(f"{value * 1000:,.0f} ms", style="red" if value >= alarming else "")


def _bar(lag: float) -> str:
    return BARS[min(len(BARS) - 1, round(lag / LATE_SECONDS * (len(BARS) - 1)))]
