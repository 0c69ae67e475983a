"""What a person types about who is told."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from mcp_runtime.models import AlertKind


class ChannelForm(ServiceForm):
    """Mail or a webhook."""

    name = forms.CharField(max_length=80, help_text="Such as “On call”.")
    kind = forms.ChoiceField(label="How", choices=AlertKind.choices, initial=AlertKind.MAIL)
    addresses = forms.CharField(
        required=False,
        help_text="For mail: one a line. None: all owners and admins.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    url = forms.CharField(
        label="URL",
        required=False,
        max_length=2000,
        help_text="For a webhook: signed as Standard Webhooks has it. It hears of billing too.",
    )

    def clean_addresses(self) -> list[str]:
        typed: Any = self.cleaned_data["addresses"]
        return [str(line) for line in typed.splitlines()]
