"""Measures one call on one core, beside the floor and the official SDK, in interleaved passes.

    make bench                    5 minutes at most: 7 passes, tried again where the machine was too restless
    make bench BENCH_ARGS=--short a minute at most: 3 short passes, prints; fails on a wrong answer, not on a figure

Exit 1: a server or the load failed, or answered wrongly. Exit 2: the machine was too restless for figures.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import figures, load, machine
from tests.bench.database import Endpoint, endpoint
from tests.bench.figures import Sample
from tests.bench.load import LoadFailed
from tests.bench.processes import ROOT, Row, Server, ServerFailed, serving, uvicorn
from tests.bench.wire import WrongAnswer

FLOOR = Row("empty raw ASGI (floor)", uvicorn("tests.bench.servers.floor:app"), "/mcp", checked_with=0)
ECHO = Row("raw ASGI, decodes and echoes, checks nothing", uvicorn("tests.bench.servers.echo:app"), "/mcp")
PYTHON_SDK = Row("mcp 2.3.0 MCPServer, no authentication", uvicorn("tests.bench.servers.python_sdk:app"), "/mcp")


def ours(made: Endpoint) -> Row:
    """Our runtime role as containers run it, with all that it does for each call switched on."""
    address = {"HOST": HOST, "PORT": "{port}", "RUNTIME_URL": f"http://{HOST}:{{port}}"}
    command = (sys.executable, "-m", "config.cli", "serve", "runtime")
    name = "ours: key authentication, validation, limits"
    return Row(name, command, made.path, made.key, made.environment | address)


@dataclass(frozen=True)
class Plan:
    """How long a run takes: passes over all rows, seconds of warming and of measuring in each, attempts in all."""

    passes: int
    warm_seconds: int
    seconds: int
    attempts: int


FULL = Plan(passes=7, warm_seconds=1, seconds=3, attempts=2)
SHORT = Plan(passes=3, warm_seconds=1, seconds=1, attempts=1)


def main() -> int:
    """The exit code."""
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=raw)
    parser.add_argument("--short", action="store_true", help="a minute at most, for CI: fails on function alone")
    short = parser.parse_args().short
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("Two cores are needed: one for the server, one for the load.", file=sys.stderr)
        return 2
    try:
        return run(SHORT if short else FULL, server_core=cores[0], load_core=cores[-1], judge=not short)
    except (ServerFailed, LoadFailed, WrongAnswer) as failure:
        print(failure, file=sys.stderr)
        return 1


def run(plan: Plan, *, server_core: int, load_core: int, judge: bool) -> int:
    """Measures, prints and writes down; the exit code. Raises ServerFailed, LoadFailed or WrongAnswer."""
    about = machine.description() | {"load average before": f"{machine.loadavg():.2f}"}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        rows = [FLOOR, ECHO, ours(stack.enter_context(endpoint(scratch))), PYTHON_SDK]
        servers = [stack.enter_context(serving(row, core=server_core, logs=scratch)) for row in rows]
        for attempt in range(1, plan.attempts + 1):
            samples = measure(servers, plan, load_core, scratch)
            unrest = figures.spread([sample for sample in samples if sample.row == FLOOR.name])
            if unrest <= figures.FLOOR_SPREAD:
                break
            print(f"attempt {attempt}: the floor's own passes differ by {unrest:.2f} times", file=sys.stderr)
    about |= {"load average after": f"{machine.loadavg():.2f}", "floor spread": f"{unrest:.2f}"}
    restless = unrest > figures.FLOOR_SPREAD
    write(samples, about, report=not (restless and judge))
    if restless and judge:
        print(f"No figures: the floor's spread {unrest:.2f} is over {figures.FLOOR_SPREAD}. The raw samples are kept.")
        return 2
    return int(any(sample.errors for sample in samples))


def measure(servers: Sequence[Server], plan: Plan, core: int, scratch: Path) -> list[Sample]:
    """All passes, interleaved: each pass goes over every row, so that a restless moment hits them all."""
    samples = []
    for number in range(1, plan.passes + 1):
        for server in servers:
            load.apply(server, seconds=plan.warm_seconds, core=core, scratch=scratch)
            sample = once(server, plan.seconds, core, scratch)
            print(f"pass {number}: {sample.cpu_us:8.1f} µs  {sample.wall_rps:8,.0f}/s  {sample.row}", flush=True)
            samples.append(sample)
    return samples


def once(server: Server, seconds: int, core: int, scratch: Path) -> Sample:
    """One pass over one row."""
    before = server.cpu_seconds()
    seen = load.apply(server, seconds=seconds, core=core, scratch=scratch)
    spent = server.cpu_seconds() - before
    server.check()
    if not seen.requests:
        raise LoadFailed(f"{server.row.name} completed no request, {seen.errors} failed")
    return Sample(
        row=server.row.name,
        cpu_us=spent / seen.requests * 1e6,
        wall_rps=seen.requests / seen.seconds,
        requests=seen.requests,
        errors=seen.errors,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        rss_mb=server.resident_megabytes(),
    )


def write(samples: Sequence[Sample], about: dict[str, str], *, report: bool) -> None:
    """The raw samples, and the table where there is one, to `var/bench/`; the table to the screen too."""
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    raw = {"about": about, "samples": [asdict(sample) for sample in samples]}
    (folder / "samples.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    if not report:
        return
    facts = "".join(f"- {name}: {value}\n" for name, value in about.items())
    text = f"{figures.table(figures.figures(samples, FLOOR.name))}\n{facts}"
    (folder / "table.md").write_text(text, encoding="utf-8")
    print(f"\n{text}")


if __name__ == "__main__":
    sys.exit(main())
