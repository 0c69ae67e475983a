"""Measures calls: every row in interleaved passes, the table, the plot and the raw samples."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from core.embedded.postgres import free_port
from tests.bench import figures, load, machine, plot, rows
from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.figures import Label, Sample
from tests.bench.load import LoadFailed
from tests.bench.processes import ROOT, Row, Server, serving
from tests.bench.rows import FLOOR

RESULTS = ROOT / "var" / "bench"


@dataclass(frozen=True)
class Plan:
    """How long a run takes: passes over all rows, seconds of warming and of measuring in each, attempts in all."""

    passes: int
    warm_seconds: int
    seconds: int
    attempts: int
    peers: bool


FULL = Plan(passes=7, warm_seconds=1, seconds=3, attempts=2, peers=True)
SHORT = Plan(passes=3, warm_seconds=1, seconds=1, attempts=1, peers=False)


def run(plan: Plan, cores: Cores, *, judge: bool) -> int:
    """Measures, prints and writes down; the exit code. Raises ServerFailed, LoadFailed or WrongAnswer."""
    about = machine.description() | {"load average before": f"{machine.loadavg():.2f}"}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        servers, absent = stack.enter_context(running(plan, cores, scratch))
        for attempt in range(1, plan.attempts + 1):
            samples = measure(servers, plan, cores.load, scratch)
            unrest = figures.spread([sample for sample in samples if sample.row == FLOOR.name])
            if unrest <= figures.FLOOR_SPREAD:
                break
            print(f"attempt {attempt}: the floor's own passes differ by {unrest:.2f} times", file=sys.stderr)
    about |= {"load average after": f"{machine.loadavg():.2f}", "floor spread": f"{unrest:.2f}"}
    about |= {f"left out ({number})": reason for number, reason in enumerate(absent, 1)}
    restless = unrest > figures.FLOOR_SPREAD
    labels = {server.row.name: label(server.row) for server in servers}
    write(samples, labels, about, report=not (restless and judge))
    if restless and judge:
        print(f"No figures: the floor's spread {unrest:.2f} is over {figures.FLOOR_SPREAD}. The raw samples are kept.")
        return 2
    return int(any(sample.errors for sample in samples))


@contextmanager
def running(plan: Plan, cores: Cores, scratch: Path) -> Iterator[tuple[list[Server], list[str]]]:
    """All servers of a run, and why some peers are not among them."""
    with ExitStack() as stack:
        upstream = free_port()
        stack.enter_context(rows.upstream(upstream, core=cores.load, logs=scratch))
        made = stack.enter_context(endpoint(scratch, upstream=upstream))
        own = [FLOOR, rows.ECHO, rows.ours(made), rows.by_token(made), rows.proxied(made), rows.PYTHON_SDK]
        servers = [stack.enter_context(serving(row, core=cores.server, logs=scratch)) for row in own]
        if not plan.peers:
            yield servers, []
            return
        others, absent = stack.enter_context(rows.peers(scratch, core=cores.server, load_core=cores.load))
        yield [*servers, *others], absent


def label(row: Row) -> Label:
    """What the table says of a row beside its figures."""
    return Label(row.call.revision, row.operation)


def measure(servers: Sequence[Server], plan: Plan, core: int, scratch: Path) -> list[Sample]:
    """All passes, interleaved: each pass goes over every row, so that a restless moment hits them all.

    Every second pass goes the other way, so that nobody always comes after the same neighbour.
    """
    samples = []
    for number in range(1, plan.passes + 1):
        for server in servers if number % 2 else reversed(servers):
            warm = max(plan.warm_seconds, server.row.warm_seconds if number == 1 else 0)
            load.apply(server, seconds=warm, core=core, scratch=scratch)
            sample = once(server, plan.seconds * server.row.stretch, core, scratch)
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


def write(samples: Sequence[Sample], labels: dict[str, Label], about: dict[str, str], *, report: bool) -> None:
    """The raw samples, and table and plot where there are some, to `var/bench/`; the table to the screen too."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    raw = {"about": about, "samples": [asdict(sample) for sample in samples]}
    (RESULTS / "samples.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    if not report:
        return
    lines = figures.figures(samples, FLOOR.name)
    facts = "".join(f"- {name}: {value}\n" for name, value in about.items())
    text = f"{figures.table(lines, labels)}\n{facts}"
    (RESULTS / "table.md").write_text(text, encoding="utf-8")
    (RESULTS / "plot.svg").write_text(plot.svg(lines, about["when"]), encoding="utf-8")
    print(f"\n{text}")
