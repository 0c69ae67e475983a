"""What the editors of prompts and resources have in common."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import JsonField, ServiceForm
from mcp_runtime.services.content import as_written


def area(rows: int) -> forms.Textarea:
    """A text area for code."""
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


def as_stored(text: str) -> str:
    """A text with line feeds alone: browsers send carriage returns before them (HTML, "form submission")."""
    return text.replace("\r\n", "\n")


class ContentForm(ServiceForm):
    """What prompts and resources both have."""

    lead: ClassVar[str]

    title = forms.CharField(max_length=80, required=False, help_text="What people see in their client.")
    description = forms.CharField(max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    icons = JsonField(
        required=False,
        widget=area(3),
        help_text='A list such as [{"src": "https://example.com/icon.png", "sizes": ["48x48"]}].',
    )
    meta = JsonField(
        label="_meta", kind=dict, required=False, widget=area(3), help_text="Passed on to clients as it is."
    )

    def clean_icons(self) -> list[dict[str, Any]]:
        icons = self.cleaned_data["icons"]
        if icons is None:
            return []
        if not isinstance(icons, list) or not all(isinstance(icon, dict) for icon in icons):
            raise ValidationError("Write a JSON list of objects: it starts with [ and ends with ].")
        return icons

    def clean_meta(self) -> dict[str, Any]:
        return self.cleaned_data["meta"] or {}

    def clean_description(self) -> str:
        return as_stored(self.cleaned_data["description"])

    def rearranged(self, _act: str) -> "ContentForm | None":
        """The form with a row more or less, where it has rows and `act` asks for that."""
        return None

    @classmethod
    def values_of(cls, item: Any) -> dict[str, Any]:
        """What the form shows for what is there already."""
        # Empty ones are shown as nothing.
        return as_written(item) | {"icons": item.icons or None, "meta": item.meta or None}
