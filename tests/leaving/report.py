"""The times at which things died, as a table."""

from pathlib import Path

FILE = Path(__file__).parents[2] / "var" / "bench" / "leaving.md"


class Report:
    """Seconds by way and artefact."""

    def __init__(self) -> None:
        self.measured: dict[str, dict[str, float]] = {}

    def table(self) -> str:
        """Markdown: a line an artefact, a column a way."""
        ways = list(self.measured)
        artefacts = list(next(iter(self.measured.values()), {}))
        lines = [f"| seconds until dead | {' | '.join(ways)} |", f"|---|{'---|' * len(ways)}"]
        for artefact in artefacts:
            cells = (f"{self.measured[way].get(artefact, float('nan')):.2f}" for way in ways)
            lines.append(f"| {artefact} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def keep(self) -> None:
        """Writes it to var/bench/leaving.md."""
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(self.table() + "\n")
