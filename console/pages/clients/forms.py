"""What a person types about a client that they register."""

from typing import Any

from django import forms

from console.forms import JsonField, ServiceForm
from mcp_runtime.models import Access, Endpoint
from tenants.authorization import scopes
from tenants.authorization.grant_types import ASSERTION, CLIENT, CODE, DEVICE, EXCHANGE, REFRESH
from tenants.authorization.registering import ClientFields
from tenants.models import AuthMethod, GroupSource
from tenants.selectors import groups_by_name

PEOPLE, DEVICES, ITSELF = "people", "devices", "itself"
_GRANTS = {PEOPLE: [CODE, REFRESH], DEVICES: [DEVICE, REFRESH], ITSELF: [CLIENT]}
_METHODS = {
    AuthMethod.POST: "A secret, which we make",
    AuthMethod.SIGNED: "A signature with its own key (private_key_jwt)",
    AuthMethod.NONE: "Not at all: it runs where a secret cannot be kept",
}
_SCOPES = {scopes.CALL: "See and call", scopes.READ: "Only see"}


class ClientForm(ServiceForm):
    """A client, for whom it acts, and how it proves who it is."""

    name = forms.CharField(max_length=100, help_text="People see it when they are asked to let it in.")
    acts = forms.ChoiceField(
        label="Acts for",
        choices={
            PEOPLE: "People, who let it in",
            DEVICES: "People, who type its code: a device without a browser, or a program in a terminal",
            ITSELF: "Itself, such as an agent or a pipeline",
        },
        initial=PEOPLE,
        widget=forms.RadioSelect,
    )
    exchanges = forms.BooleanField(
        label="Exchanges tokens that it is sent",
        required=False,
        help_text="A service that goes on to another endpoint for the person who called it (RFC 8693).",
    )
    assertions = forms.BooleanField(
        label="Comes with assertions of your identity provider",
        required=False,
        help_text="Instead of asking people (ID-JAG), for OpenID connections that take them.",
    )
    auth_method = forms.ChoiceField(label="Proves who it is by", choices=list(_METHODS.items()))
    redirect_uris = forms.CharField(
        label="Redirect URIs",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For a client that acts for people: one a line, where it takes its codes.",
    )
    scopes = forms.ChoiceField(label="At most", choices=list(_SCOPES.items()), initial=scopes.CALL)
    endpoints = forms.MultipleChoiceField(
        label="Only at",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where it may act for itself. None chosen: at every endpoint.",
    )
    jwks_uri = forms.CharField(
        label="Key set address",
        required=False,
        max_length=2048,
        help_text="For a signature: where its keys are.",
    )
    jwks = JsonField(
        label="Key set",
        required=False,
        kind=dict,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Or the public keys themselves, as a JSON Web Key Set.",
    )

    service_fields = {"grant_types": "acts"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        endpoints = self.fields["endpoints"]
        if isinstance(endpoints, forms.MultipleChoiceField):
            rows = Endpoint.objects.exclude(access=Access.OPEN).order_by("name", "pk")
            endpoints.choices = [(str(row.pk), row.name) for row in rows]

    def client_fields(self) -> ClientFields:
        """What the service takes."""
        said = self.cleaned_data
        return ClientFields(
            name=said["name"],
            grant_types=[
                *_GRANTS[said["acts"]],
                *([EXCHANGE] if said["exchanges"] else []),
                *([ASSERTION] if said["assertions"] else []),
            ],
            auth_method=said["auth_method"],
            redirect_uris=said["redirect_uris"].split(),
            scopes=said["scopes"],
            endpoints=said["endpoints"] or None,
            jwks=said["jwks"],
            jwks_uri=said["jwks_uri"],
        )


class GroupsForm(ServiceForm):
    """The groups of a client that acts for itself."""

    groups = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those that were made here. Rules of endpoints say what each may use.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = self.fields["groups"]
        if isinstance(groups, forms.MultipleChoiceField):
            ours = [group for group in groups_by_name() if group.source == GroupSource.MANUAL]
            groups.choices = [(str(group.pk), group.name) for group in ours]


class PolicyForm(ServiceForm):
    """What clients may do by themselves."""

    dynamic_registration = forms.BooleanField(
        label="Clients register themselves",
        required=False,
        help_text="Most clients of today need this. Known is not let in: people are asked all the same.",
    )
    allowed_hosts = forms.CharField(
        label="Documents only of",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Hosts, one a line, whose clients may describe themselves; *.example.com is all below. Empty: all.",
    )
    denied_hosts = forms.CharField(
        label="No documents of", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def said(self) -> dict[str, Any]:
        """What the service takes."""
        hosts = {name: self.cleaned_data[name].split() for name in ("allowed_hosts", "denied_hosts")}
        return {"dynamic_registration": self.cleaned_data["dynamic_registration"], **hosts}
