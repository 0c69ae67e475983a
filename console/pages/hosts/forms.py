"""What a person types about host names."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from mcp_runtime.models import Endpoint


class EndpointForm(ServiceForm):
    """One of the tenant's endpoints; made inside its context."""

    endpoint = forms.ChoiceField()
    service_fields = {"endpoint_slug": "endpoint"}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        rows = Endpoint.objects.order_by("name", "slug").values_list("slug", "name")
        choices = [(slug, f"{name} ({slug})") for slug, name in rows]
        self.fields["endpoint"].choices = choices  # type: ignore[attr-defined]  # a choice field


class ClaimForm(EndpointForm):
    """A name for one endpoint."""

    name = forms.CharField(label="Host name", max_length=253, help_text="One that is yours, such as mcp.example.com.")
    field_order = ("name", "endpoint")


class DefaultForm(EndpointForm):
    """The endpoint at the tenant's own host."""
