"""What the runs come to: the table, what is wrong with a scenario, the closing line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.scenarios import EXCUSES, Excuse

EXCUSED = "EXCUSED"
STATUSES = {
    "passed": "SUCCESS",
    "failed": "FAILURE",
    "warnings": "WARNING",
    "skipped": "SKIPPED",
    "excused": EXCUSED,
}
# Not a verdict: what the suite tells of what it did.
TOLD = "INFO"


@dataclass(frozen=True)
class Check:
    """One check of a scenario, in the suite's own words."""

    id: str
    status: str
    message: str


@dataclass(frozen=True)
class Row:
    """One scenario of one run."""

    set: str
    suite: str
    scenario: str
    checks: Sequence[Check]

    def status(self, check: Check) -> str:
        """How a check ended, or that this is not the server's fault."""
        return EXCUSED if excuse_of(self, check) else check.status

    def count(self, status: str) -> int:
        """How many checks ended so."""
        return sum(self.status(check) == status for check in self.checks)


def excuse_of(row: Row, check: Check) -> Excuse | None:
    """Why a check that did not pass is not the server's fault, if it is not."""
    for excuse in EXCUSES:
        named = (row.suite, check.status) == (excuse.suite, excuse.status) and excuse.check.fullmatch(check.id)
        lines = check.message.splitlines()
        said = bool(lines) and all(excuse.says.fullmatch(line) for line in lines)
        if named and said and excuse.scenario.fullmatch(row.scenario):
            return excuse
    return None


def complaints(row: Row) -> Iterator[str]:
    """What is wrong with a scenario, a line each: all that did not pass, and that there was nothing to pass."""
    where = f"{row.set} {row.suite} {row.scenario}"
    clean = {STATUSES["passed"], TOLD, EXCUSED}
    for check in row.checks:
        if row.status(check) not in clean:
            yield f"{where}: {check.id} {check.status}: {check.message}"
    if not row.count(STATUSES["passed"]) and not row.count(EXCUSED):
        yield f"{where}: no check passed"


def excused(rows: Sequence[Row]) -> list[str]:
    """What was excused, a line for each excuse; one that nothing needed says so."""
    found = [excuse_of(row, check) for row in rows for check in row.checks]
    return [
        f"{found.count(excuse)} excused, {excuse.suite} {excuse.check.pattern}: {excuse.reason}" for excuse in EXCUSES
    ]


def table(rows: Sequence[Row]) -> str:
    """All scenarios, a line each."""
    titles = ["set", "suite", "scenario", *STATUSES]
    lines = [
        [row.set, row.suite, row.scenario, *(str(row.count(status)) for status in STATUSES.values())] for row in rows
    ]
    widths = [max(len(line[column]) for line in [titles, *lines]) for column in range(len(titles))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [titles, ["-" * width for width in widths], *lines]
    )


def summary(rows: Sequence[Row]) -> str:
    """One line over everything."""
    counts = [f"{sum(row.count(status) for row in rows)} {name}" for name, status in STATUSES.items()]
    bad = sum(any(complaints(row)) for row in rows)
    return f"{len(rows)} scenarios, {bad} not clean; checks: {', '.join(counts)}"
