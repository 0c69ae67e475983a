"""What a person types about the page that everybody sees."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from mcp_runtime.models import Endpoint


class StatusPageForm(ServiceForm):
    """Made inside the tenant's context."""

    published = forms.BooleanField(
        label="Show it to everybody", required=False, help_text="Whoever has the address sees it, signed in or not."
    )
    name = forms.CharField(label="Name of the page", max_length=80)
    endpoints = forms.MultipleChoiceField(label="Endpoints on it", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        rows = Endpoint.objects.order_by("name", "slug").values_list("slug", "name")
        self.fields["endpoints"].choices = list(rows)  # type: ignore[attr-defined]  # a choice field
