"""Measures the data plane on this machine, a part at a time, and writes to var/bench/.

    make bench                       beside the floor and all peers: about 8 minutes, twice that if it was restless
    make bench BENCH_ARGS=--short    without most peers, a minute; for CI: fails on a wrong answer, not on a figure

Exit 1: a server or the load failed, or answered wrongly. Exit 2: the machine was too restless for figures.
"""

import argparse
import os
import sys

from tests.bench import calls
from tests.bench.calls import Cores
from tests.bench.load import LoadFailed
from tests.bench.processes import ServerFailed
from tests.bench.wire import WrongAnswer


def main() -> int:
    """The exit code."""
    arguments = parsed()
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        print("Two cores are needed: one for the server, one for the load.", file=sys.stderr)
        return 2
    cores = Cores(server=available[0], load=available[-1])
    try:
        return calls.run(calls.SHORT if arguments.short else calls.FULL, cores, judge=not arguments.short)
    except (ServerFailed, LoadFailed, WrongAnswer) as failure:
        print(failure, file=sys.stderr)
        return 1


def parsed() -> argparse.Namespace:
    """What was asked for."""
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=raw)
    parser.add_argument("--short", action="store_true", help="small sizes and few passes, for CI")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
