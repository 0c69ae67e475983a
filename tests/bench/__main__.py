"""Measures the data plane on this machine, a part at a time, and writes to var/bench/.

    make bench                              all parts but the soak
    make bench BENCH_ARGS='--only streams'  one part or several; BENCH_ARGS=--help lists them
    make bench BENCH_ARGS=--short           small sizes, without most peers, for CI: fails on a wrong answer or a lost
                                            stream, not on a figure
    make bench BENCH_ARGS='--only soak --minutes 30'

Exit 1: a server or the load failed, or answered wrongly. Exit 2: the machine was too restless for figures.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import calls, fairness, findings, livez, machine, quota, soak, streams, tenants, upgrading, workloads
from tests.bench.cores import Cores, available
from tests.bench.findings import Finding
from tests.bench.load import LoadFailed
from tests.bench.processes import ServerFailed
from tests.bench.wire import WrongAnswer

type Part = Callable[[argparse.Namespace, Cores, Path], list[Finding]]

PARTS: dict[str, Part] = {
    "streams": lambda asked, cores, scratch: streams.run(
        streams.SHORT if asked.short else streams.FULL, cores, scratch
    ),
    "quota": lambda asked, cores, scratch: quota.run(quota.SHORT if asked.short else quota.FULL, cores, scratch),
    "tenants": lambda asked, cores, scratch: tenants.run(
        tenants.SHORT if asked.short else tenants.FULL, cores, scratch
    ),
    "fairness": lambda asked, cores, scratch: fairness.run(
        fairness.SHORT if asked.short else fairness.FULL, cores, scratch
    ),
    "livez": lambda asked, cores, scratch: livez.run(livez.SHORT if asked.short else livez.FULL, cores, scratch),
    "workloads": lambda asked, cores, scratch: workloads.run(
        workloads.SHORT if asked.short else workloads.FULL, cores, scratch
    ),
    "upgrade": lambda asked, cores, _: upgrading.run(upgrading.SHORT if asked.short else upgrading.FULL, cores),
    "soak": lambda asked, cores, scratch: soak.run(asked.minutes, cores, scratch),
}
CALLS, SOAK = "calls", "soak"
# What CI has time for.
QUICK = (CALLS, "streams")


def main() -> int:
    """The exit code."""
    asked = parsed()
    cores = available()
    if cores is None:
        print("Two cores are needed: one for the server, one for the load.", file=sys.stderr)
        return 2
    try:
        return max(measure(part, asked, cores) for part in asked.only or usual(asked))
    except (ServerFailed, LoadFailed, WrongAnswer) as failure:
        print(failure, file=sys.stderr)
        return 1


def measure(part: str, asked: argparse.Namespace, cores: Cores) -> int:
    """Measures one part, writes it down and prints it; the exit code."""
    if part == CALLS:
        return calls.run(calls.SHORT if asked.short else calls.FULL, cores, judge=not asked.short)
    about = machine.description() | {"load average before": f"{machine.loadavg():.2f}"}
    with tempfile.TemporaryDirectory() as folder:
        found = PARTS[part](asked, cores, Path(folder))
    about |= {"load average after": f"{machine.loadavg():.2f}", "sizes": "small" if asked.short else "whole"}
    print(findings.write(calls.RESULTS, part, found, about), flush=True)
    return 0


def usual(asked: argparse.Namespace) -> list[str]:
    """What is measured where nothing was named."""
    return list(QUICK) if asked.short else [part for part in (CALLS, *PARTS) if part != SOAK]


def parsed() -> argparse.Namespace:
    """What was asked for."""
    names = (CALLS, *PARTS)
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=raw)
    parser.add_argument("--short", action="store_true", help="small sizes and few passes, for CI")
    parser.add_argument("--only", nargs="+", choices=names)
    parser.add_argument("--minutes", type=float, default=30, help="how long the soak takes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
