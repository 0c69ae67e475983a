"""Names and values typed a line each: headers, query parameters, form fields."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class PairsField(forms.CharField):
    """`name: value` lines (or with another separator); its value is a dictionary."""

    widget = forms.Textarea

    def __init__(self, *, separator: str, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"required": False})
        self.separator = separator

    def to_python(self, value: Any) -> Any:
        pairs: dict[str, str] = {}
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            if line.strip():
                name, text = self._pair(number, line)
                if name in pairs:
                    raise ValidationError(f"Line {number}: {name} stands here twice.")
                pairs[name] = text
        return pairs

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        space = "" if self.separator == "=" else " "
        return "\n".join(f"{name}{self.separator}{space}{text}" for name, text in value.items())

    def run_validators(self, value: Any) -> None:
        """None apply: the validators of a text are not those of pairs."""

    def _pair(self, number: int, line: str) -> tuple[str, str]:
        name, separator, text = line.partition(self.separator)
        if not separator or not name.strip():
            raise ValidationError(f"Line {number}: write a name, “{self.separator}” and a value.")
        return name.strip(), text.strip()
