"""What the trials come to: a line for each case, p50 and p95 of its times, what broke."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.scene import Load, Trial

SAMPLES = "samples.json"
HEAD = (
    "| case | trials | felt, ms | noticed, ms | clients answered p50 / p95, ms | work resumed p50 / p95, ms "
    "| slowest answer, ms | lasted, s | good | refused | unknown | streams ended | lost | twice | broken |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(trials: Sequence[Trial]) -> str:
    """The Markdown table, a line for each case, in order."""
    names = dict.fromkeys(trial.case for trial in trials)
    return HEAD + "".join(_line(name, [trial for trial in trials if trial.case == name]) for name in names)


def _line(name: str, trials: Sequence[Trial]) -> str:
    lasted = max(trial.lasted for trial in trials)
    cells = [
        name,
        str(len(trials)),
        _median([trial.felt for trial in trials]),
        _median([trial.noticed for trial in trials]),
        _both([trial.answered for trial in trials]),
        _both([trial.restored for trial in trials]),
        f"{max(trial.slowest for trial in trials) * 1000:,.0f}",
        f"{lasted:.1f}" if lasted else "",
        *(
            f"{sum(getattr(trial, field) for trial in trials):,}"
            for field in ("good", "refused", "unknown", "streams_ended", "lost", "doubled")
        ),
        str(sum(bool(trial.broken) for trial in trials)),
    ]
    return f"| {' | '.join(cells)} |\n"


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{percentile(known, 0.5) * 1000:,.0f}" if known else ""


def _both(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{percentile(known, 0.5) * 1000:,.0f} / {percentile(known, 0.95) * 1000:,.0f}" if known else "never"


def by_role(trials: Sequence[Trial], roles: Sequence[str]) -> str:
    """The same for each role that was killed, under all loads together: the figures to judge."""
    named = [(role, [trial for trial in trials if trial.case.startswith(f"kill -9 {role}, ")]) for role in roles]
    return HEAD + "".join(_line(f"kill -9 {role}, all loads", its) for role, its in named if its)


def complaints(trials: Sequence[Trial]) -> Iterator[str]:
    """What broke, a line each."""
    for trial in trials:
        for what in dict.fromkeys(trial.broken):
            yield f"{trial.case} (trial {trial.number}): {what}"


def former(folder: Path, without: Sequence[Trial]) -> list[Trial]:
    """The trials that are kept there, but those of cases that were tried again."""
    again, file = {trial.case for trial in without}, folder / SAMPLES
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [Trial(**{**fields, "load": Load(fields["load"])}) for fields in kept if fields["case"] not in again]


def keep(said: Sequence[str], folder: Path) -> None:
    """Keeps what the platform printed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "platform.log").write_text("".join(said), encoding="utf-8")


def write(trials: Sequence[Trial], folder: Path) -> None:
    """Keeps the samples and the table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SAMPLES).write_text(json.dumps([asdict(trial) for trial in trials], indent=1), encoding="utf-8")
    (folder / "table.md").write_text(table(trials), encoding="utf-8")
