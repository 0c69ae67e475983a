"""Compares what a call costs here with what it cost at the merge base, pass about pass on the same machine.

    make perf-gate                        against the merge base with origin/main
    make perf-gate GATE_ARGS=v1.2         against another commit
    make perf-gate GATE_ARGS=--report     says what it finds, and fails only if it cannot measure (for CI)

Exit 0: not more than 10 % dearer, or nothing to compare with. Exit 1: dearer, or a server failed.
Exit 2: the machine was too restless for a verdict.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.bench import calls, figures, rows
from tests.bench.calls import Plan
from tests.bench.cores import Cores
from tests.bench.database import endpoint
from tests.bench.figures import FLOOR_SPREAD, Sample
from tests.bench.load import LoadFailed
from tests.bench.processes import ROOT, Row, ServerFailed, serving
from tests.bench.wire import WrongAnswer

ALLOWED = 1.10
HERE, BASE = "ours, here", "ours, at the base"
PLAN = Plan(passes=9, warm_seconds=1, seconds=2, attempts=2, peers=False)
SHORT = Plan(passes=4, warm_seconds=1, seconds=1, attempts=1, peers=False)
LOCKS = ("requirements/build.txt", "requirements/runtime.txt", "requirements/dev.txt")


@dataclass(frozen=True)
class Verdict:
    """What the passes say: how many times dearer a call is here, how far the floor's passes lie apart, and the exit."""

    times: float
    unrest: float
    code: int

    @property
    def sentence(self) -> str:
        """The same in words."""
        said = f"a call costs {self.times:.2f} times what it cost at the base (floor spread {self.unrest:.2f})"
        ending = {0: f"allowed are {ALLOWED:.2f}", 1: f"allowed are {ALLOWED:.2f}: too dear"}
        return f"{said}; {ending.get(self.code, f'over {FLOOR_SPREAD} it is no verdict')}"


def verdict(samples: Sequence[Sample]) -> Verdict:
    """The median of each pass's own ratio, so that what slowed a whole pass slowed both sides of it."""
    costs = {name: [sample.cpu_us for sample in samples if sample.row == name] for name in (HERE, BASE)}
    times = median(here / base for here, base in zip(costs[HERE], costs[BASE], strict=True))
    unrest = figures.spread([sample for sample in samples if sample.row == rows.FLOOR.name])
    code = 2 if unrest > FLOOR_SPREAD else int(times > ALLOWED)
    return Verdict(times, unrest, code)


def main() -> int:
    """The exit code."""
    arguments = parsed()
    base = commit(arguments.ref) if arguments.ref else merge_base()
    if arguments.ref and base is None:
        print(f"{arguments.ref} is no commit of this clone.", file=sys.stderr)
        return 1
    if base is None or (base == commit("HEAD") and not changed()):
        print("Nothing to compare with: no other commit is known that this one comes after.")
        return 0
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        print("Two cores are needed: one for the server, one for the load.", file=sys.stderr)
        return 2
    try:
        found = compare(base, Cores(available[0], available[-1]), SHORT if arguments.report else PLAN)
    except (ServerFailed, LoadFailed, WrongAnswer) as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{base[:12]}: {found.sentence}")
    return 0 if arguments.report else found.code


def parsed() -> argparse.Namespace:
    """What was asked for."""
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="make perf-gate", description=__doc__, formatter_class=raw)
    parser.add_argument("ref", nargs="?", help="the commit to compare with")
    parser.add_argument("--report", action="store_true", help="few passes, and no figure fails")
    return parser.parse_args()


def compare(base: str, cores: Cores, plan: Plan) -> Verdict:
    """Measures both sides; once more where the first time gave no clean pass."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        tree = stack.enter_context(worktree(base))
        made = [
            stack.enter_context(side(scratch / "here", ROOT, HERE)),
            stack.enter_context(side(scratch / "base", tree, BASE)),
        ]
        servers = [stack.enter_context(serving(row, core=cores.server, logs=scratch)) for row in (rows.FLOOR, *made)]
        for _ in range(plan.attempts):
            found = verdict(calls.measure(servers, plan, cores.load, scratch))
            if not found.code:
                break
            print(found.sentence)
    return found


@contextmanager
def side(scratch: Path, root: Path, name: str) -> Iterator[Row]:
    """One of the two: a checkout's runtime on a database that its own migrations made. Raises ServerFailed."""
    scratch.mkdir()
    python = interpreter(root)
    with endpoint(scratch, root=root, python=python) as made:
        row = rows.ours(made, root=root, name=name)
        yield replace(row, command=(python, *row.command[1:]))


def interpreter(root: Path) -> str:
    """The Python for a checkout: ours where it wants the same packages, else one of its own. Raises ServerFailed."""
    if all(_bytes(root / lock) == _bytes(ROOT / lock) for lock in LOCKS):
        return sys.executable
    done = subprocess.run(
        ["sh", "scripts/install.sh", "dev"],  # noqa: S607
        cwd=root,
        env=os.environ | {"ARMSTRONG_VENV": ".venv"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"the base's requirements: {done.stderr[-1000:]}")
    return str(root / ".venv" / "bin" / "python")


@contextmanager
def worktree(ref: str) -> Iterator[Path]:
    """A checkout of the commit below var/bench, gone afterwards."""
    tree = ROOT / "var" / "bench" / f"base-{ref[:12]}-{os.getpid()}"
    tree.parent.mkdir(parents=True, exist_ok=True)
    _git("worktree", "add", "--quiet", "--detach", str(tree), ref, check=True)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree), check=True)


def merge_base() -> str | None:
    """Where this work left origin/main; None where that cannot be known."""
    return _git("merge-base", "HEAD", "origin/main") or None


def commit(ref: str) -> str | None:
    """The commit that a name stands for; None where there is none."""
    return _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") or None


def changed() -> bool:
    """Whether files of the checkout differ from its commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*words: str, check: bool = False) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=check)  # noqa: S607
    return done.stdout.strip() if done.returncode == 0 else ""


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


if __name__ == "__main__":
    sys.exit(main())
