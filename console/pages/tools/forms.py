"""The editors of tools: what every tool has, and one form for each kind of source."""

from typing import Any, ClassVar

from django import forms

from console.forms import ServiceForm
from mcp_runtime.models import Tool
from mcp_runtime.sources.contract import ToolDraft


class ToolForm(ServiceForm):
    """What every tool has. An editor adds its source's own fields, and says how they make a draft."""

    lead: ClassVar[str]
    service_fields: ClassVar[dict[str, str]] = {}

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
        return {"name": tool.name, "title": tool.title, "description": tool.description}
