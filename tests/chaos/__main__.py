"""Breaks a running platform in every way that we know, and measures from outside what became of its clients' calls.

    make chaos                            all cases: under an hour
    make chaos CHAOS_ARGS=--short         one trial of a few, for CI
    make chaos CHAOS_ARGS='--only kill'   those whose group or name holds a word; --list names them all

What other cases have left in var/chaos/ is kept, so that a long run can be made in parts.

Exit 1: a call was lost, counted twice or answered wrongly, a process outlived its supervisor, or something did not
recover in its time. Times are told and not judged.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.chaos import cluster, report
from tests.chaos.cases import away, kills, messages, orphans, rolling, starving, stops, tasks, upstreams, wrapped
from tests.chaos.house import ROLES, SUPERVISOR, ChaosFailed, House, say
from tests.chaos.scene import Case, Scene, Trial
from tests.chaos.upstream import Upstream

RESULTS = Path(__file__).resolve().parents[2] / "var" / "chaos"


def all_cases() -> Iterator[Case]:
    """Every case, group by group."""
    for module in (kills, stops, away, starving, messages, upstreams, tasks, rolling, orphans, wrapped):
        yield from module.cases()


def main() -> int:
    """The exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = parsed()
    chosen = [case for case in all_cases() if arguments.only in case.group or arguments.only in case.name]
    checks = [name for name in (cluster.SHORT if arguments.short else cluster.CHECKS) if arguments.only in name]
    if arguments.list:
        for case in chosen:
            print(f"{case.group:<18}{case.trials:>3}  {case.name}")
        for name in checks:
            print(f"{cluster.GROUP:<18}{1:>3}  {name}")
        return 0
    plan = list(trials_of(chosen, short=arguments.short, most=arguments.trials))
    if not plan and not checks:
        print("No case is meant by that. --list names them.", file=sys.stderr)
        return 2
    trials = []
    for kind, its in groupby(plan, key=lambda pair: pair[0].house):
        trials += asyncio.run(perform(list(its), wrapped.WrappedHouse if kind else House))
    trials += asyncio.run(cluster.perform(checks, say, RESULTS)) if checks else []
    report.write(in_order([*report.former(RESULTS, trials), *trials]), RESULTS)
    return conclude(trials)


def parsed() -> argparse.Namespace:
    """What was asked for."""
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__, formatter_class=raw)
    parser.add_argument("--short", action="store_true", help="one trial of a few cases, for CI")
    parser.add_argument("--only", default="", metavar="WORD", help="cases whose group or name holds this")
    parser.add_argument("--trials", type=int, default=1_000, help="of each case at most so many")
    parser.add_argument("--list", action="store_true", help="name the cases, and run none")
    return parser.parse_args()


def trials_of(cases: Sequence[Case], *, short: bool, most: int) -> Iterator[tuple[Case, int]]:
    """Which trials there are, in order: those of a group take turns, so that none follows upon itself."""
    for _, group in groupby(cases, key=lambda case: case.group):
        counted = [(case, min(most, case.short if short else case.trials)) for case in group]
        for number in range(max(count for _, count in counted)):
            yield from ((case, number + 1) for case, count in counted if number < count)


async def perform(plan: Sequence[tuple[Case, int]], kind: type[House]) -> list[Trial]:
    """Runs the trials on one platform of this kind; raises ChaosFailed when it cannot be brought up again."""
    upstream = Upstream()
    house, trials = kind(await upstream.start()), list[Trial]()
    scene: Scene | None = None
    try:
        await house.open()
        scene = Scene(house, upstream)
        for index, (case, number) in enumerate(plan):
            await _one(scene, case, number, trials)
            say(f"{index + 1}/{len(plan)} {told(trials[-1])}")
        if trials:
            await scene.close(trials)
    finally:
        await house.abandon()
        await upstream.stop()
        report.keep(house.said, RESULTS)
        report.write(in_order([*report.former(RESULTS, trials), *trials]), RESULTS)
    return trials


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """The trials in the order of the cases."""
    names = [*(case.name for case in all_cases()), *cluster.CHECKS]
    order = {name: index for index, name in enumerate(names)}
    return sorted(trials, key=lambda trial: (order.get(trial.case, len(order)), trial.number))


async def _one(scene: Scene, case: Case, number: int, trials: list[Trial]) -> None:
    if lacking := set(case.needs) - scene.house.abilities:
        say(f"SKIPPED, for want of {', '.join(lacking)}: {case.name}")
        return
    try:
        trials.append(await scene.run(case, number))
    except ChaosFailed as failure:
        trials.append(Trial(case.name, case.group, case.load, number, broken=[str(failure)]))
        await scene.anew()


def told(trial: Trial) -> str:
    """A trial in a line."""
    answered, restored = (
        "never" if moment is None else f"{moment * 1000:.0f} ms" for moment in (trial.answered, trial.restored)
    )
    end = f"; BROKEN: {'; '.join(dict.fromkeys(trial.broken))}" if trial.broken else ""
    return (
        f"{trial.case}: answered {answered}, resumed {restored}, unknown {trial.unknown}, refused {trial.refused}{end}"
    )


def conclude(trials: Sequence[Trial]) -> int:
    """Prints the tables and one line that sums up; the exit code."""
    print(report.table(trials))
    print(report.by_role(trials, [*ROLES, SUPERVISOR]))
    wrong = list(report.complaints(trials))
    for line in wrong:
        print(line)
    lost, doubled = sum(trial.lost for trial in trials), sum(trial.doubled for trial in trials)
    good, cases = sum(trial.good for trial in trials), len({trial.case for trial in trials})
    print(
        f"{cases} cases, {len(trials)} trials, {good:,} good answers: "
        f"{lost} lost, {doubled} counted twice, {len(wrong)} things broke"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
