"""Figures beyond the calls table: each with its unit, its goal and what one of it is; as a table, a picture, raw."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path

from tests.bench.plot import STYLE

LABEL, WIDTH, ROW = 520, 320, 26
# The picture shows how far a figure is from its goal, up to this many times the goal.
FARTHEST = 2.0


@dataclass(frozen=True)
class Goal:
    """What is to be reached: at most `bound`, or with `at_least` no less."""

    bound: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether the value reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True)
class Finding:
    """One figure. `one` says what one operation or one of the unit is; `beside` is what to read it with."""

    part: str
    what: str
    value: float
    unit: str
    one: str
    goal: Goal | None = None
    beside: str = ""
    samples: list[float] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        return "" if self.goal is None else "yes" if self.goal.is_met(self.value) else "NO"


def shown(value: float) -> str:
    """A number with as many digits as it needs."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.3g}"


def table(findings: Sequence[Finding]) -> str:
    """The Markdown table."""
    head = "| what | figure | goal | met | one is | beside |\n|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| {found.what} | {shown(found.value)} {found.unit} | {found.goal or ''} | {found.verdict} "
        f"| {found.one} | {found.beside} |\n"
        for found in findings
    )


def write(folder: Path, name: str, findings: Sequence[Finding], about: dict[str, str]) -> str:
    """Table, raw samples and picture as `<name>.md`, `.json`, `.svg`; the table is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = "".join(f"- {key}: {value}\n" for key, value in about.items())
    text = f"{table(findings)}\n{facts}"
    raw = {"about": about, "findings": [asdict(found) | {"met": found.verdict} for found in findings]}
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    (folder / f"{name}.svg").write_text(svg(findings, about["when"]), encoding="utf-8")
    return text


def svg(findings: Sequence[Finding], when: str) -> str:
    """The figures that have a goal, as bars in multiples of it: left of the line is reached."""
    judged = [found for found in findings if found.goal is not None]
    height = 64 + ROW * len(judged) + 20
    line = LABEL + WIDTH / FARTHEST
    bars = "".join(_bar(found, 64 + ROW * number) for number, found in enumerate(judged))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + WIDTH + 160} {height}" role="img">'
        f"<title>Figures beside their goals</title><style>{STYLE}</style>"
        f'<rect class="page" width="{LABEL + WIDTH + 160}" height="{height}"/>'
        '<text class="title" x="16" y="28">Figures beside their goals (the line; shorter is better)</text>'
        f'<text class="quiet" x="16" y="48">{escape(when)}</text>{bars}'
        f'<line class="floor" x1="{line}" y1="58" x2="{line}" y2="{height - 12}"/></svg>\n'
    )


def share_of_goal(found: Finding) -> float:
    """How much of the goal a figure uses up: 1 just reaches it, less is better, whichever way the goal points."""
    if found.goal is None or found.value == found.goal.bound:
        return 1.0
    if found.goal.at_least:
        return found.goal.bound / found.value if found.value else FARTHEST
    return found.value / found.goal.bound if found.goal.bound else FARTHEST


def _bar(found: Finding, y: int) -> str:
    wide = max(1.0, WIDTH * min(share_of_goal(found), FARTHEST) / FARTHEST)
    kind = "bar ours" if found.verdict == "yes" else "bar"
    return (
        f'<text x="{LABEL - 10}" y="{y + 13}" text-anchor="end">{escape(found.what[:72])}</text>'
        f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{wide:.1f}" height="16" rx="2"/>'
        f'<text x="{LABEL + wide + 6:.1f}" y="{y + 13}">{escape(f"{shown(found.value)} {found.unit}")}</text>'
    )
