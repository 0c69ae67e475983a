"""The editors of tools: what every tool has, and one form for each kind of source."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.forms import BoundField

from console.forms import ServiceForm
from mcp_runtime.models import Tool
from mcp_runtime.services.rates import MAXIMUM_CALLS_PER_MINUTE
from mcp_runtime.sources.contract import ToolDraft

KEPT = ("meta", "icons")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an editor; with each field, whether it holds code."""

    title: str
    lead: str
    fields: list[tuple[BoundField, bool]]


class ToolForm(ServiceForm):
    """What every tool has. An editor adds its source's own fields, and says how they make a draft."""

    lead: ClassVar[str]
    # Title, lead and fields of each part of the editor.
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("", "", ("name", "title", "description", "calls_per_minute")),
    )
    mono: ClassVar[frozenset[str]] = frozenset({"name"})

    name = forms.CharField(
        max_length=64, help_text="What the model calls it by: letters, digits, underscores, dots and hyphens."
    )
    title = forms.CharField(max_length=80, required=False, help_text="What people see in their client.")
    description = forms.CharField(
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The model decides by this when to use the tool: what it does, what it needs, what it returns.",
    )

    calls_per_minute = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        max_value=MAXIMUM_CALLS_PER_MINUTE,
        help_text="How often it may be called, by all clients together. Left empty, only the limits of your plan hold.",
    )

    def parts(self) -> list[Part]:
        """The editor's parts; a field that this form does not have now is left out."""
        return [
            Part(title, lead, [(self[name], name in self.mono) for name in names if name in self.fields])
            for title, lead, names in self.groups
        ]

    def kept(self) -> dict[str, Any]:
        """What of a tool is changed by its API alone, and stays as it is."""
        return {name: self.initial[name] for name in KEPT if name in self.initial}

    def draft(self) -> ToolDraft:
        """The tool as it was typed; only of a valid form."""
        raise NotImplementedError

    @classmethod
    def values_for(cls, choice: str) -> dict[str, Any]:  # noqa: ARG003  the editors that have choices read it
        """What the form of a new tool shows at first; `choice` is what was picked in the list of kinds."""
        return {}

    @classmethod
    def values_of(cls, tool: Tool) -> dict[str, Any]:
        """What the form shows for a tool that is there already."""
        names = ("name", "title", "description", "task", "calls_per_minute", *KEPT)
        return {name: getattr(tool, name) for name in names}
