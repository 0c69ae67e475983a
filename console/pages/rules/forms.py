"""What a person types about a rule."""

from typing import Any
from uuid import UUID

from django import forms

from console.forms import ServiceForm
from tenants.models import Group

LONGEST_TEXT = 10_000


class ToolRuleForm(ServiceForm):
    """A group, and the tools that its members may use."""

    group_id = forms.ChoiceField(label="Members of")
    patterns = forms.CharField(
        label="May use",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="Names of tools, one a line. A * at the end stands for whatever follows: get_* is every tool whose "
        "name begins with get_.",
    )

    def __init__(self, groups: list[Group], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["group_id"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(str(group.pk), f"{group.name} ({group.get_source_display()})") for group in groups]

    def clean_group_id(self) -> UUID:
        return UUID(self.cleaned_data["group_id"])

    def clean_patterns(self) -> list[str]:
        text: str = self.cleaned_data["patterns"]
        return text.replace(",", " ").split()
