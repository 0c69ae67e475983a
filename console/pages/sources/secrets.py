"""Entering a source's secrets again, or taking one away."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import ServiceForm
from console.pages.sources.editors.base import write_only
from mcp_runtime.models import Upstream
from mcp_runtime.services.upstreams import UpstreamFields
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.vault.selectors import secrets_of

# Kinds whose one secret has one name.
NAMES = {"sql": "password"}


class SecretForm(ServiceForm):
    """A secret's name and value."""

    service_fields: ClassVar[dict[str, str]] = {"secrets": "value"}

    name = forms.CharField(max_length=128)
    value = write_only("Stored encrypted and never shown again. One of this name is replaced.")

    def __init__(self, data: Any = None, *, upstream: Upstream) -> None:
        self.upstream = upstream
        stored = [secret.name for secret in secrets_of(upstream.pk)]
        first = stored[0] if stored else NAMES.get(upstream.kind, "")
        super().__init__(data, initial={"name": first})
        hints = {"openapi": "As the document's security schemes name it.", "sql": "password"}
        self.fields["name"].help_text = hints.get(upstream.kind, "The header's name, such as Authorization.")

    def clean_value(self) -> str:
        """One that is removed has no value; one that is stored has."""
        value: str = self.cleaned_data["value"]
        if not value and "remove" not in self.data:
            raise ValidationError("Type the secret's value.")
        return value

    def service_input(self) -> UpstreamFields:
        """The source as it is, with this secret."""
        typed, upstream = self.cleaned_data, self.upstream
        value = "" if "remove" in self.data else typed["value"]
        return UpstreamFields(upstream.name, upstream.prefix, UpstreamDraft(upstream.config, {typed["name"]: value}))
