"""What the runs come to: the table, what is wrong with a scenario, the closing line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.scenarios import NEVER_RUN

STATUSES = {"passed": "SUCCESS", "failed": "FAILURE", "warnings": "WARNING", "skipped": "SKIPPED"}
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

    def count(self, status: str) -> int:
        """How many checks ended so."""
        return sum(check.status == status for check in self.checks)


def complaints(row: Row) -> Iterator[str]:
    """What is wrong with a scenario, a line each: all that did not pass, and that there was nothing to pass."""
    where = f"{row.set} {row.suite} {row.scenario}"
    for check in row.checks:
        if (row.scenario, check.id) in NEVER_RUN:
            if check.status != STATUSES["skipped"]:
                yield f"{where}: {check.id} is run now: take it out of NEVER_RUN"
        elif check.status not in {STATUSES["passed"], TOLD}:
            yield f"{where}: {check.id} {check.status}: {check.message}"
    never = any(scenario == row.scenario for scenario, _check in NEVER_RUN)
    if not row.count(STATUSES["passed"]) and not never:
        yield f"{where}: no check passed"


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
    never = sum((row.scenario, check.id) in NEVER_RUN for row in rows for check in row.checks)
    return f"{len(rows)} scenarios, {bad} not clean; checks: {', '.join(counts)} ({never} that the suite never runs)"
