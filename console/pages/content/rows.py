"""Small forms under a large one: as many as somebody adds, each removed by itself, without a script."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms


class RowForm(forms.Form):
    """One row. A row in which nothing was typed is as if it were not there."""

    use_required_attribute = False

    @property
    def number(self) -> str:
        """What names the row beside its kind."""
        return str(self.prefix).rpartition("-")[2]

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed that would count."""
        raise NotImplementedError


class Rows[RowT: RowForm]:
    """The rows of one kind, whose fields are called `<prefix>-<number>-<field>`."""

    def __init__(self, kind: type[RowT], prefix: str, *, data: Any = None, initial: Sequence[Mapping[str, Any]] = ()):
        self.kind, self.prefix, self.data = kind, prefix, data
        if data is None:
            self.forms = [self._row(number, None, values) for number, values in enumerate(initial)]
        else:
            self.forms = [self._row(number, data, {}) for number in numbers_in(data, prefix)]

    def __iter__(self) -> Iterator[RowT]:
        return iter(self.forms)

    @property
    def filled(self) -> list[RowT]:
        """The rows that count, in their order; only of valid rows."""
        return [form for form in self.forms if not form.is_blank]

    def is_valid(self) -> bool:
        """Whether every row is; each one is asked, so that each shows its errors."""
        return [form for form in self.forms if not form.is_valid()] == []

    def has_errors(self) -> bool:
        """Whether a row shows an error."""
        return any(form.errors for form in self.forms if form.is_bound)

    def rearranged(self, *, added: bool, removed: str) -> "Rows[RowT]":
        """The same rows as typed, unchecked, with one more, or without the one of this number."""
        typed = [self._typed(number) for number in numbers_in(self.data, self.prefix) if str(number) != removed]
        return Rows(self.kind, self.prefix, initial=[*typed, *([{}] if added else [])])

    def _typed(self, number: int) -> dict[str, Any]:
        start = f"{self.prefix}-{number}-"
        return {name: self.data[start + name] for name in self.kind.base_fields if start + name in self.data}

    def _row(self, number: int, data: Any, initial: Mapping[str, Any]) -> RowT:
        return self.kind(data, prefix=f"{self.prefix}-{number}", initial=dict(initial))


def numbers_in(data: Any, prefix: str) -> list[int]:
    """The numbers of the rows that a browser sent, in order."""
    named = re.compile(rf"{re.escape(prefix)}-([0-9]{{1,3}})-[a-z_]+")
    return sorted({int(found[1]) for name in data if (found := named.fullmatch(name))})
