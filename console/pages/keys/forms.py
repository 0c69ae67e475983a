"""What a person types about an access key."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from console.forms import ServiceForm
from mcp_runtime.services.rates import MAXIMUM_CALLS_PER_MINUTE

LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year", "": "Never"}
ALL_TOOLS, SOME_TOOLS = "all", "some"


class AccessKeyForm(ServiceForm):
    """Name, tools and expiry of a key."""

    name = forms.CharField(max_length=80, help_text="Who or what uses it, such as “Claude on my laptop”.")
    scope = forms.ChoiceField(
        label="Tools",
        choices={ALL_TOOLS: "All tools, also those made later", SOME_TOOLS: "Only these"},
        initial=ALL_TOOLS,
        widget=forms.RadioSelect,
    )
    tools = forms.MultipleChoiceField(label="Which ones", required=False, widget=forms.CheckboxSelectMultiple)
    expires_at = forms.ChoiceField(label="Expires", choices=LIFETIMES, initial="90", required=False)
    calls_per_minute = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        max_value=MAXIMUM_CALLS_PER_MINUTE,
        help_text="How often this key may call. Left empty, only the limits of your plan hold.",
    )

    def __init__(self, tool_names: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tools = self.fields["tools"]
        if isinstance(tools, forms.MultipleChoiceField):
            tools.choices = [(name, name) for name in tool_names]

    def clean_expires_at(self) -> datetime | None:
        days: str = self.cleaned_data["expires_at"]
        return timezone.now() + timedelta(days=int(days)) if days else None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("scope") != SOME_TOOLS:
            cleaned["tools"] = None
        elif not cleaned.get("tools") and "tools" not in self.errors:
            self.add_error("tools", ValidationError("Choose at least one tool, or allow all."))
        cleaned.pop("scope", None)
        return cleaned
