"""The run as a picture: a bar of CPU per request for each row, a line at the floor. Plain SVG, light and dark."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from tests.bench.figures import Figure

LEFT, WIDTH, RIGHT = 430, 440, 90
TOP, STEP, BAR = 64, 30, 18
STYLE = """
.page { fill: #ffffff } text { fill: #24292f; font: 13px system-ui, sans-serif } .quiet { fill: #57606a }
.title { font-size: 16px; font-weight: 600 } .bar { fill: #8c959f } .ours { fill: #1a7f64 }
.grid { stroke: #d0d7de } .floor { stroke: #cf222e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9198a1 } .bar { fill: #6e7681 } .ours { fill: #3fb68b }
  .grid { stroke: #30363d } .floor { stroke: #ff7b72 }
}
"""


def svg(lines: Sequence[Figure], when: str) -> str:
    """The picture; the first line is the floor. The scale is logarithmic, or a peer would make the others invisible."""
    scale = Scale([line.cpu_median for line in lines])
    height = TOP + STEP * len(lines) + 40
    width = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>CPU per request</title><style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        '<text class="title" x="16" y="28">CPU per request, µs (median; logarithmic scale; less is better)</text>',
        f'<text class="quiet" x="16" y="48">{escape(when)}</text>',
        *_grid(scale, height),
        *(part for number, line in enumerate(lines) for part in _row(line, TOP + STEP * number, scale)),
        *_floor(lines[0], scale, height),
        "</svg>\n",
    ]
    return "\n".join(parts)


class Scale:
    """Where a cost lies on the axis, whose ends are powers of ten."""

    def __init__(self, costs: Sequence[float]) -> None:
        self.first = math.floor(math.log10(min(costs)))
        self.last = max(math.ceil(math.log10(max(costs))), self.first + 1)

    def x(self, cost: float) -> float:
        """Pixels from the left."""
        return LEFT + WIDTH * (math.log10(cost) - self.first) / (self.last - self.first)


def _grid(scale: Scale, height: int) -> Iterator[str]:
    for power in range(scale.first, scale.last + 1):
        x = scale.x(10.0**power)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 30}"/>'
        yield f'<text class="quiet" x="{x:.1f}" y="{height - 12}" text-anchor="middle">{10.0**power:,.4g}</text>'


def _row(line: Figure, y: int, scale: Scale) -> Iterator[str]:
    middle = y + BAR - 4
    kind = "bar ours" if line.row.startswith("ours") else "bar"
    end = scale.x(line.cpu_median)
    yield f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(_short(line.row))}</text>'
    yield f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(end - LEFT, 1):.1f}" height="{BAR}" rx="2"/>'
    yield f'<text x="{end + 6:.1f}" y="{middle}">{line.cpu_median:,.0f}</text>'


def _floor(line: Figure, scale: Scale, height: int) -> Iterator[str]:
    x = scale.x(line.cpu_median)
    yield f'<line class="floor" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 30}"/>'


def _short(name: str) -> str:
    return name if len(name) <= 62 else name[:61] + "…"
