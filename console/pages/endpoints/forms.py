"""What a person types about an endpoint."""

from typing import Any

from django import forms
from django.utils.text import slugify

from console.forms import ServiceForm
from mcp_runtime.models import Access, Endpoint, LoginsAt
from mcp_runtime.services.endpoints import Logins


class EndpointSettingsForm(ServiceForm):
    """Name and access of an endpoint. Its address, which clients hold in their URLs, stays."""

    name = forms.CharField(max_length=80, help_text="People and clients see it.")
    access = forms.ChoiceField(label="Who may call it", choices=Access.choices, initial=Access.KEY)
    instructions = forms.CharField(
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Clients hand these to the model: what the tools are for, and how to combine them.",
    )
    allowed_origins = forms.CharField(
        label="Web origins",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Browser apps that may call it, one a line, such as https://app.example.com.",
    )

    logins = forms.ChoiceField(
        label="Clients log in",
        choices=LoginsAt.choices,
        required=False,
        initial=LoginsAt.OWN,
        help_text="Whose access tokens are taken.",
    )
    requires_proof = forms.BooleanField(
        label="Access tokens are bound to a key",
        required=False,
        help_text="A stolen token is then good for nothing (DPoP). Few clients can do this yet. Keys work as before.",
    )

    def said(self) -> dict[str, Any]:
        """What the service takes."""
        given = dict(self.cleaned_data)
        logins = Logins(given.pop("requires_proof"), given.pop("logins"))
        return {**given, "logins": logins}

    def clean_logins(self) -> str:
        """What it is already, where nothing is said of it."""
        return str(self.cleaned_data["logins"] or self.initial.get("logins", LoginsAt.OWN))

    def clean_allowed_origins(self) -> list[str]:
        lines: str = self.cleaned_data["allowed_origins"]
        return lines.split()

    @classmethod
    def of(cls, endpoint: Endpoint, data: Any = None) -> "EndpointSettingsForm":
        """The form, filled with what the endpoint is now."""
        return cls(
            data,
            initial={
                "name": endpoint.name,
                "access": endpoint.access,
                "instructions": endpoint.instructions,
                "allowed_origins": "\n".join(endpoint.allowed_origins),
                "logins": endpoint.logins,
                "requires_proof": endpoint.requires_proof,
            },
        )


class EndpointForm(EndpointSettingsForm):
    """The same, with the address of an endpoint that is to be made."""

    slug = forms.CharField(
        label="Address",
        max_length=40,
        required=False,
        help_text="The part of its URL that names it; it stays. Left empty, it is made from the name.",
    )
    field_order = ("name", "slug", "access", "instructions", "allowed_origins", "logins", "requires_proof")

    def clean_slug(self) -> str:
        typed: str = self.cleaned_data["slug"]
        return typed or slugify(self.cleaned_data.get("name", ""))[:40].strip("-_")
