"""What is made of the samples: medians, best, spread, ratios to the floor, and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# A floor that moved more than this between its own passes says that the machine was not ours: nothing is reported.
FLOOR_SPREAD = 1.5


@dataclass(frozen=True)
class Sample:
    """One pass over one row."""

    row: str
    cpu_us: float
    wall_rps: float
    requests: int
    errors: int
    p50_ms: float
    p99_ms: float
    rss_mb: float


@dataclass(frozen=True)
class Label:
    """What a row's figure is of: the wire's revision, and what one operation is."""

    wire: str
    operation: str


@dataclass(frozen=True)
class Figure:
    """A row's samples in one line. CPU in µs per request; `ratio` is median over the floor's median."""

    row: str
    passes: int
    cpu_best: float
    cpu_median: float
    spread: float
    ratio: float
    per_core: float
    wall_rps: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    errors: int


def spread(samples: Sequence[Sample]) -> float:
    """The largest CPU per request over the smallest."""
    costs = [sample.cpu_us for sample in samples]
    return max(costs) / min(costs)


def figure(samples: Sequence[Sample], floor: float) -> Figure:
    """The line for one row's samples; `floor` is the floor's median CPU per request in µs."""
    costs = [sample.cpu_us for sample in samples]
    return Figure(
        row=samples[0].row,
        passes=len(samples),
        cpu_best=min(costs),
        cpu_median=median(costs),
        spread=spread(samples),
        ratio=median(costs) / floor,
        per_core=1e6 / min(costs),
        wall_rps=median(sample.wall_rps for sample in samples),
        p50_ms=median(sample.p50_ms for sample in samples),
        p99_ms=median(sample.p99_ms for sample in samples),
        rss_mb=max(sample.rss_mb for sample in samples),
        errors=sum(sample.errors for sample in samples),
    )


def figures(samples: Sequence[Sample], floor_row: str) -> list[Figure]:
    """One line per row, in the order of the rows' first samples; `floor_row` is what the others are compared with."""
    rows = list(dict.fromkeys(sample.row for sample in samples))
    floor = median(sample.cpu_us for sample in samples if sample.row == floor_row)
    return [figure([sample for sample in samples if sample.row == row], floor) for row in rows]


def table(lines: Sequence[Figure], labels: Mapping[str, Label]) -> str:
    """The Markdown table."""
    head = (
        "| row | wire | one operation is | CPU µs/request, median | best | spread | times floor "
        "| requests/s per core (1e6 / best) | requests/s seen, median | p50 ms | p99 ms | RSS MB | failed |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(_line(line, labels[line.row]) for line in lines)


def _line(line: Figure, label: Label) -> str:
    return (
        f"| {line.row} | {label.wire} | {label.operation} "
        f"| {line.cpu_median:,.1f} | {line.cpu_best:,.1f} | {line.spread:.2f} | {line.ratio:,.2f} "
        f"| {line.per_core:,.0f} | {line.wall_rps:,.0f} | {line.p50_ms:.2f} | {line.p99_ms:.1f} "
        f"| {line.rss_mb:.0f} | {line.errors} |\n"
    )
