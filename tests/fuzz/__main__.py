"""Fuzzes the decoder and the ladder, and says how many inputs crashed or hung.

    make fuzz                    over a million inputs: bytes under atheris, structured messages by hypothesis
    make fuzz FUZZ_ARGS=--short  a minute at most, for CI: the same inputs every time, the kept ones among them
    make fuzz FUZZ_ARGS=--keep   afterwards adds what reached something new to tests/fuzz/corpus/

Exit 1: an input broke an invariant or took too long; it is kept in var/fuzz/. Exit 2: no atheris for this machine.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import corpus, seeds
from tests.fuzz.invariants import Broken, Overdue, Runtime
from tests.fuzz.structured import Structured, run

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "var" / "fuzz"
LONGEST = {"decoder": 512, "ladder": 2048}
INPUT_SECONDS = 10  # libFuzzer's own bound on one input, for one that never ends
CRASHED, HUNG = 77, 70  # libFuzzer's exit codes
TAIL_LINES = 30
# What it says at the end, or said last before it crashed.
_EXECUTED = re.compile(r"^(?:#|stat::number_of_executed_units:\s*)(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """How many inputs for each target, and how many examples of each kind of structured input."""

    decoder: int
    ladder: int
    examples: int
    seed: int | None


FULL = Plan(decoder=750_000, ladder=300_000, examples=8_000, seed=None)
SHORT = Plan(decoder=100_000, ladder=20_000, examples=300, seed=1)


@dataclass(frozen=True)
class Row:
    """What became of one target."""

    target: str
    inputs: int
    seconds: float
    crashes: int = 0
    hangs: int = 0
    said: str = ""


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="make fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="a minute, seeded")
    parser.add_argument("--keep", action="store_true", help="add to the kept inputs")
    chosen = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris has wheels for Linux on x86-64 alone, and this machine is another.", file=sys.stderr)
        return 2
    plan = SHORT if chosen.short else FULL
    if chosen.short:
        shutil.rmtree(WORK, ignore_errors=True)
    rows = [_structured(plan), *(_bytes(target, plan) for target in corpus.TARGETS)]
    if chosen.keep:
        for target in corpus.TARGETS:
            _merge(target)
    return _report(rows)


def _structured(plan: Plan) -> Row:
    began = time.monotonic()
    checks = Structured(Runtime())
    try:
        run(checks, plan.examples, plan.seed)
    except Broken as broken:
        hung = isinstance(broken, Overdue)
        said = "\n".join([str(broken), *getattr(broken, "__notes__", [])])
        return Row("structured", checks.count, time.monotonic() - began, int(not hung), int(hung), said)
    finally:
        checks.runtime.close()
    return Row("structured", checks.count, time.monotonic() - began)


def _bytes(target: str, plan: Plan) -> Row:
    began = time.monotonic()
    work = WORK / target
    firsts: dict[str, Iterable[bytes]] = {"decoder": seeds.READING, "ladder": seeds.ladder()}
    corpus.write(work, firsts[target])
    arguments = [
        f"-runs={getattr(plan, target)}",
        f"-max_len={LONGEST[target]}",
        f"-timeout={INPUT_SECONDS}",
        f"-artifact_prefix={WORK}/{target}-",
        "-print_final_stats=1",
        *([] if plan.seed is None else [f"-seed={plan.seed}"]),
        str(work),
        str(corpus.folder_of(target)),
    ]
    status, said = _engine(target, arguments)
    inputs = max([0, *map(int, _EXECUTED.findall(said))])
    tail = "\n".join(said.splitlines()[-TAIL_LINES:]) if status else ""
    hung = status == HUNG or f"{Overdue.__name__}:" in tail
    return Row(target, inputs, time.monotonic() - began, int(bool(status) and not hung), int(hung), tail)


def _merge(target: str) -> None:
    """Adds those inputs of the working folder to the kept ones that reach what none of them does."""
    kept = corpus.folder_of(target)
    status, said = _engine(target, ["-merge=1", f"-max_len={LONGEST[target]}", str(kept), str(WORK / target)])
    if status:
        raise SystemExit(said)
    corpus.write(kept, [path.read_bytes() for path in kept.iterdir() if _is_foreign(path)])
    for path in list(kept.iterdir()):
        if _is_foreign(path):
            path.unlink()


def _is_foreign(path: Path) -> bool:
    """Whether libFuzzer named it, whose names are longer."""
    return len(path.name) != corpus.NAME_CHARACTERS


def _engine(target: str, arguments: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.fuzz.engine", target, *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def _report(rows: list[Row]) -> int:
    print(f"{'target':<12}{'inputs':>10}{'crashes':>9}{'hangs':>7}{'a second':>10}")
    for row in rows:
        rate = row.inputs / row.seconds
        print(f"{row.target:<12}{row.inputs:>10,}{row.crashes:>9}{row.hangs:>7}{rate:>10,.0f}")
    inputs, wrong = sum(row.inputs for row in rows), sum(row.crashes + row.hangs for row in rows)
    print(f"{inputs:,} inputs, {sum(row.crashes for row in rows)} crashes, {sum(row.hangs for row in rows)} hangs")
    for row in rows:
        if row.said:
            print(f"\n{row.target}:\n{row.said}")
    return int(wrong > 0)


if __name__ == "__main__":
    os.environ.setdefault("ARMSTRONG_SECRET_KEY", "only-for-fuzzing-" + "0" * 40)
    sys.exit(main())
