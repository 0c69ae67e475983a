"""The editor of tools that the platform answers itself."""

from typing import Any, ClassVar

from django import forms

from console.pages.tools.forms import ToolForm
from mcp_runtime.models import TaskSupport, Tool
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.contract import ToolDraft


def _functions() -> list[tuple[str, str]]:
    return [(function.name, function.title) for function in CATALOGUE.values()]


class BuiltinToolForm(ToolForm):
    """A function of the catalogue, which brings its own arguments."""

    lead = "The platform answers it itself: it needs no service of yours."
    service_fields: ClassVar[dict[str, str]] = {"config.function": "function"}
    groups = (("", "", ("function", "name", "title", "description", "calls_per_minute")),)

    function = forms.ChoiceField(choices=_functions)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].help_text = "What people see in their client. Left empty, it is the function's own."
        self.fields["description"].help_text = "The model decides by this when to use it. Left empty: the function's."

    def draft(self) -> ToolDraft:
        typed = self.cleaned_data
        return ToolDraft(
            name=typed["name"],
            title=typed["title"],
            description=typed["description"],
            config={"function": typed["function"]},
            calls_per_minute=typed["calls_per_minute"],
            # No function takes long enough to be asked for here; what was set otherwise stays.
            task=self.initial.get("task", TaskSupport.FORBIDDEN),
            **self.kept(),
        )

    @classmethod
    def values_of(cls, tool: Tool) -> dict[str, Any]:
        return super().values_of(tool) | {"function": tool.config.get("function")}

    @classmethod
    def values_for(cls, choice: str) -> dict[str, Any]:
        """What a new tool's form shows once a function is chosen."""
        function = CATALOGUE.get(choice)
        if function is None:
            return {}
        return {
            "function": function.name,
            "name": function.name,
            "title": function.title,
            "description": function.description,
        }
