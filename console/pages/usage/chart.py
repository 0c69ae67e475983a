"""Calls over time as bars, in the units of an SVG's view box."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.ledger.selectors import Asked

WIDTH, HEIGHT = 720.0, 120.0
GAP = 0.2


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour or day. Errors stand at its foot."""

    at: datetime
    calls: int
    errors: int
    x: float
    width: float
    height: float
    error_height: float

    @property
    def y(self) -> float:
        """Where it begins, from above."""
        return HEIGHT - self.height

    @property
    def error_y(self) -> float:
        """Where its errors begin, from above."""
        return HEIGHT - self.error_height


@dataclass(frozen=True, slots=True)
class Chart:
    """`most` is the number of calls that a full bar stands for."""

    bars: list[Bar]
    most: int
    width: float = WIDTH
    height: float = HEIGHT


def bars_of(rows: list[dict[str, Any]], asked: Asked, step: str) -> Chart:
    """A bar for each `step` (hour or day) that was asked for, also those without calls."""
    known = {row["group"]: row for row in rows}
    span = timedelta(hours=1) if step == "hour" else timedelta(days=1)
    count = -(-(asked.until - asked.since) // span)
    most = max((row["calls"] for row in rows), default=0)
    width = WIDTH / max(count, 1)
    bars = []
    for number in range(count):
        at = asked.since + number * span
        row = known.get(at, {"calls": 0, "errors": 0})
        scale = HEIGHT / most if most else 0.0
        heights = (round(row["calls"] * scale, 2), round(row["errors"] * scale, 2))
        bars.append(
            Bar(at, row["calls"], row["errors"], round(number * width, 2), round(width * (1 - GAP), 2), *heights)
        )
    return Chart(bars, most)
