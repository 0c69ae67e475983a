"""What `armstrong source` prints: tables for people, JSON for programs."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_runtime.models import Definition, ImportRun, RunState, Upstream
from mcp_runtime.trust.texts import made_visible

REFUSED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed, and whether all went well. `rows` have the same members each."""

    document: dict[str, Any]
    sentence: str
    rows: list[dict[str, str]]
    is_well: bool = True

    def print(self, *, as_json: bool) -> int:
        """Prints it; the exit status."""
        if as_json:
            # Written as it is: rich would break lines.
            print(json.dumps(self.document, ensure_ascii=False, default=str))  # noqa: T201
        else:
            _print(self)
        return 0 if self.is_well else 1


def told_sources(sources: list[Upstream]) -> Told:
    """An endpoint's sources."""
    rows = [
        {
            "source": source.slug,
            "kind": source.kind,
            "state": source.health if source.enabled else "off",
            "tools": str(source.tool_count),  # type: ignore[attr-defined]  # annotated by the selector
            "waiting": str(source.waiting_count),  # type: ignore[attr-defined]
            "speaks": source.speaks,
        }
        for source in sources
    ]
    return Told({"sources": rows}, f"{len(rows):,} source{_s(len(rows))}.", rows)


def told_definitions(definitions: list[Definition]) -> Told:
    """What a source offers."""
    rows = [_row(definition) for definition in definitions]
    return Told({"definitions": rows}, f"{len(rows):,} definition{_s(len(rows))}.", rows)


def told_run(run: ImportRun, definitions: list[Definition]) -> Told:
    """What an import found and refused."""
    if run.state == RunState.FAILED:
        document = {"state": run.state, "error": run.error}
        return Told(document, f"The import failed: {run.error or 'It was cut short.'}", [], is_well=False)
    rows = [_row(definition) for definition in definitions]
    rows += [_refused(item) for item in run.refused[:REFUSED_SHOWN]]
    document = {"state": run.state, "counts": run.counts, "refused": run.refused}
    counts = ", ".join(f"{number:,} {name}" for name, number in run.counts.items())
    return Told(document | {"definitions": [_row(one) for one in definitions]}, f"Imported: {counts}.", rows)


def _row(definition: Definition) -> dict[str, str]:
    reasons = [definition.obstacle, *(f"{found['rule']} in {found['place']}" for found in definition.findings)]
    return {
        "form": definition.form,
        "name": made_visible(definition.name),
        "state": definition.state,
        "look at": made_visible("; ".join(filter(None, reasons))),
    }


def _refused(item: dict[str, str]) -> dict[str, str]:
    return {"form": "", "name": made_visible(item["name"]), "state": "refused", "look at": item["reason"]}


def _print(told: Told) -> None:
    console = Console()
    if told.rows:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in told.rows[0]:
            table.add_column(name, overflow="fold")
        for row in told.rows:
            table.add_row(*(Text(value) for value in row.values()))
        console.print(table)
    console.print(Text(told.sentence, style="" if told.is_well else "bold red"))


def _s(number: int) -> str:
    return "" if number == 1 else "s"
