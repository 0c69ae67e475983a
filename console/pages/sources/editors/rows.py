"""Editors of kinds whose tools are written here, a row each."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from console.forms import INVALID_STATUS
from console.pages.content.rows import RowForm, Rows
from console.pages.sources.editors.base import SourceForm
from core.refusals import Refused
from mcp_runtime.models import Upstream

MAXIMUM_ROWS = 100


class ToolRow(RowForm):
    """One tool."""

    mono: ClassVar[frozenset[str]] = frozenset({"name"})

    @property
    def marked(self) -> list[tuple[Any, bool]]:
        """The row's fields; with each, whether it holds code."""
        return [(self[name], name in self.mono) for name in self.fields]

    def entry(self) -> dict[str, Any]:
        """What is stored of it."""
        raise NotImplementedError

    @classmethod
    def values_of(cls, entry: dict[str, Any]) -> dict[str, Any]:
        """What the row shows of what is stored."""
        raise NotImplementedError


class RowsForm(SourceForm):
    """A form with rows: `row` is their form, `member` where they are in the configuration."""

    row: ClassVar[type[ToolRow]]
    member: ClassVar[str]
    rows_lead: ClassVar[str]

    def __init__(self, data: Any = None, files: Any = None, *, upstream: Upstream | None = None) -> None:
        super().__init__(data, files, upstream=upstream)
        stored = (upstream.config.get(self.member) if upstream is not None else None) or self.first_rows()
        self.rows = Rows(self.row, "row", data=data, initial=[self.row.values_of(entry) for entry in stored])

    def first_rows(self) -> Sequence[dict[str, Any]]:
        """What a new one begins with."""
        return ()

    def is_valid(self) -> bool:
        return all([super().is_valid(), not self.is_bound or self.rows.is_valid()])

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return INVALID_STATUS if self.is_bound and (self.errors or self.rows.has_errors()) else 200

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The rows as they are stored; only of a valid form."""
        return [row.entry() for row in self.rows.filled]

    def rearranged(self, act: str) -> "RowsForm | None":
        if act != "add" and not act.startswith("remove-"):
            return None
        shown = type(self)(upstream=self.upstream)
        shown.initial = {name: self.data[name] for name in self.fields if name in self.data}
        added = act == "add" and len(self.rows.forms) < MAXIMUM_ROWS
        shown.rows = self.rows.rearranged(added=added, removed=act.removeprefix("remove-"))
        return shown

    def refuse(self, refused: Refused) -> None:
        """What is about a row is shown at the row."""
        fields: dict[str, list[str]] = refused.data.get("fields", {})
        rest = {name: sentences for name, sentences in fields.items() if not self._refuse_row(name, sentences)}
        if rest or not fields:
            super().refuse(Refused(refused.refusal, refused.detail, refused.data | ({"fields": rest} if rest else {})))

    def _refuse_row(self, name: str, sentences: list[str]) -> bool:
        found = re.fullmatch(rf"config\.{self.member}\[([0-9]+)\]\.?(.*)", name)
        if found is None:
            return False
        row, member = self.rows.filled[int(found[1])], found[2].partition(".")[0].partition("[")[0]
        known = member in row.fields
        sentence = " ".join(sentences)
        # Of `parameters[0].type`, the field says parameters, and the sentence the rest.
        rest = found[2].removeprefix(member).lstrip(".") if known else found[2]
        row.add_error(member if known else None, f"{rest}: {sentence}" if rest else sentence)
        return True
