"""Runs the official conformance suite against the platform, started for it with two runtime workers.

    make conformance

Every set of scenarios that the suite has for servers, for authorization servers and for clients, in one table; or only
the runs that are named as arguments. Exit 1: a check
failed, warned or was skipped, or a scenario did not run. What each scenario saw is kept in var/conformance/.
"""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.hosts import DOMAIN, host_mcp_url, names_are_here
from tests.conformance.scenarios import RUNS
from tests.conformance.suite_program import Suite
from tests.conformance.table import Row, complaints, excused, summary, table
from tests.node_packages import NoRegistry, installed
from tests.running_platform import Platform

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parents[1] / "var" / "conformance"


def main() -> int:
    """The exit code."""
    # So that what was started is ended too when we are told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        installed_in = installed(HERE / "suite")
    except NoRegistry as reason:
        print(reason, file=sys.stderr)
        return 1
    shutil.rmtree(RESULTS, ignore_errors=True)
    names_are_here()
    with running_platform() as platform:
        suite = Suite(installed_in, {**platform.facts, "host_mcp_url": host_mcp_url(platform.facts)})
        rows = [row for run in RUNS if not sys.argv[1:] or run.name in sys.argv[1:] for row in suite.rows(run, RESULTS)]
    return report(rows)


@contextmanager
def running_platform() -> Iterator[Platform]:
    """A platform on free ports, ended at the end however that comes."""
    platform = Platform(TENANT_DOMAIN=DOMAIN)
    try:
        platform.start()
        yield platform
    finally:
        platform.close()


def report(rows: list[Row]) -> int:
    """Prints the table, what is wrong, and one line that sums up; the exit code."""
    wrong = [complaint for row in rows for complaint in complaints(row)]
    for part in (table(rows), "\n".join(excused(rows)), "\n".join(wrong)):
        print(part, end="\n\n" if part else "")
    print(summary(rows))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
