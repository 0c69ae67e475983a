"""What a person types about a connection."""

from typing import Any
from uuid import UUID

from django import forms

from console.forms import ServiceForm
from mcp_runtime.models import Upstream
from mcp_runtime.services.connecting import ConnectFields
from tenants.models import Connection, GrantType
from tenants.vault.clients import METHODS

FOR_ALL, FOR_ME = "tenant", "me"


class SecretArea(forms.Textarea):
    """A text area that never shows what was typed: a page that comes back with errors would otherwise hold it."""

    def format_value(self, value: object) -> None:
        """Nothing."""


class ConnectForm(ServiceForm):
    """An upstream, whose account, and what the provider is told."""

    upstream = forms.ChoiceField(help_text="What is connected.")
    whose = forms.ChoiceField(
        label="Used by",
        choices={FOR_ALL: "Everybody who calls this upstream", FOR_ME: "Me alone, when I call it"},
        initial=FOR_ALL,
        widget=forms.RadioSelect,
    )
    label = forms.CharField(max_length=80, required=False, help_text="Tells several accounts apart, such as “work”.")
    grant_type = forms.ChoiceField(label="How", choices=GrantType.choices, initial=GrantType.CODE)
    subject = forms.ChoiceField(
        label="Connection to exchange", required=False, help_text="For a token exchange: whose token is given for it."
    )
    scopes = forms.CharField(
        max_length=2000, required=False, help_text="Separated by spaces. Left empty, what the upstream asks for."
    )
    issuer = forms.CharField(
        label="Provider",
        max_length=500,
        required=False,
        help_text="Its issuer, such as https://login.example.com. Left empty, the one that the upstream names.",
    )
    client_id = forms.CharField(
        label="Client ID",
        max_length=1000,
        required=False,
        help_text="Only where you registered a client at the provider. Left empty, we register ourselves.",
    )
    auth_method = forms.ChoiceField(
        label="Client authentication", required=False, choices=[("", "As the secret says"), *((m, m) for m in METHODS)]
    )
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        widget=SecretArea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="The client's secret, or for private_key_jwt its private key as PEM. Stored sealed and never shown.",
    )

    service_fields = {"personal": "whose"}

    def __init__(self, upstreams: list[Upstream], subjects: list[Connection], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("upstream", [(str(upstream.pk), _named(upstream)) for upstream in upstreams])
        known = {upstream.pk: upstream.name for upstream in upstreams}
        named = [(str(row.pk), f"{known.get(row.holder, row.client.issuer)} {row.label}".strip()) for row in subjects]
        self._choose("subject", [("", "None"), *named])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    @property
    def upstream_id(self) -> UUID:
        """What is connected."""
        return UUID(self.cleaned_data["upstream"])

    def connect_fields(self) -> ConnectFields:
        """What the service takes."""
        said = self.cleaned_data
        return ConnectFields(
            label=said["label"],
            personal=said["whose"] == FOR_ME,
            grant_type=said["grant_type"],
            scopes=said["scopes"],
            issuer=said["issuer"],
            client_id=said["client_id"],
            client_secret=said["client_secret"],
            auth_method=said["auth_method"],
            subject=UUID(said["subject"]) if said["subject"] else None,
        )


def _named(upstream: Upstream) -> str:
    return f"{upstream.name} ({upstream.endpoint.slug})"
