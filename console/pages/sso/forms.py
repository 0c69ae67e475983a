"""What a person types about single sign-on."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from console.pages.connections.forms import SecretArea
from tenants.models import SsoConnection, SsoKind
from tenants.sso.connections import ASSIGNABLE, Admission
from tenants.sso.oidc.config import GROUPS_CLAIM, SCOPES
from tenants.sso.saml.config import LogoutBinding
from tenants.vault.clients import METHODS

ROLES = [(role.value, role.label) for role in reversed(ASSIGNABLE)]


class DiscoverForm(ServiceForm):
    """The address of somebody who wants to come in."""

    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class DomainForm(ServiceForm):
    """A domain of a tenant's addresses."""

    name = forms.CharField(label="Domain", max_length=253, help_text="What follows the @, such as example.com.")


class PolicyForm(ServiceForm):
    """What a tenant asks of its members."""

    requires_sso = forms.BooleanField(
        required=False,
        label="Members sign in by single sign-on",
        help_text="The owner may also come with a password and a second step, should the provider fail.",
    )
    requires_mfa = forms.BooleanField(
        required=False, label="Members sign in with a second step", help_text="A code of an app, or a passkey."
    )
    sso_counts_as_mfa = forms.BooleanField(
        required=False,
        label="Single sign-on counts as a second step",
        help_text="Where the provider asks for one itself.",
    )


class ConnectionForm(ServiceForm):
    """A new connection."""

    name = forms.CharField(max_length=80, help_text="What people read on its button, such as “Acme Okta”.")
    kind = forms.ChoiceField(label="Kind", choices=SsoKind.choices, widget=forms.RadioSelect, initial=SsoKind.OIDC)


class KindForm(ServiceForm):
    """Another kind for a connection that is not in use."""

    kind = forms.ChoiceField(label="Kind", choices=SsoKind.choices, widget=forms.RadioSelect)


class OidcForm(ServiceForm):
    """An OpenID provider."""

    issuer = forms.CharField(max_length=500, help_text="Such as https://login.example.com.")
    client_id = forms.CharField(label="Client ID", max_length=1000)
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        widget=SecretArea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Stored sealed and never shown. Left empty, the one that is stored stays.",
    )
    auth_method = forms.ChoiceField(
        label="Client authentication", required=False, choices=[("", "As the secret says"), *((m, m) for m in METHODS)]
    )
    scopes = forms.CharField(max_length=500, required=False, initial=SCOPES)
    groups_claim = forms.CharField(label="Claim with the groups", max_length=255, required=False, initial=GROUPS_CLAIM)


class SamlForm(ServiceForm):
    """A SAML provider: by its metadata, or value by value."""

    metadata_url = forms.CharField(
        label="Address of the metadata",
        max_length=2048,
        required=False,
        help_text="Read now, and once a day: new certificates come by themselves.",
    )
    metadata_xml = forms.CharField(
        label="Or the metadata themselves", required=False, max_length=262_144, widget=forms.Textarea(attrs={"rows": 4})
    )
    entity_id = forms.CharField(label="Or value by value: entity ID", max_length=1024, required=False)
    sso_url = forms.CharField(label="Sign-in address", max_length=2048, required=False)
    slo_url = forms.CharField(label="Sign-out address", max_length=2048, required=False)
    slo_binding = forms.ChoiceField(
        label="Sign-out messages",
        choices=LogoutBinding.choices,
        required=False,
        help_text="As the provider takes them; metadata say it themselves.",
    )
    certificates = forms.CharField(
        label="Certificates",
        required=False,
        max_length=65_536,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="As PEM. Several, one after another, while one replaces the other.",
    )
    email_attribute = forms.CharField(
        label="Attribute with the address",
        max_length=255,
        required=False,
        help_text="Left empty, the usual ones, then the NameID.",
    )
    name_attribute = forms.CharField(label="Attribute with the name", max_length=255, required=False)
    groups_attribute = forms.CharField(label="Attribute with the groups", max_length=255, required=False)


class AdmissionForm(ServiceForm):
    """Who people become; a switch that is of the other kind of provider is not there, and off."""

    makes_members = forms.BooleanField(
        required=False, label="Whoever signs in becomes a member", help_text="Otherwise only members come in."
    )
    default_role = forms.ChoiceField(label="Role", choices=ROLES, help_text="Of those whose groups give no other.")
    roles = forms.CharField(
        label="Roles of groups",
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line: the group as the provider names it, =, and admin, developer or viewer. "
        "With any here, roles follow the groups at each login.",
    )
    takes_unsolicited = forms.BooleanField(
        required=False,
        label="Logins may begin at the provider",
        help_text="Somebody could have another log into an account of theirs: leave it off if you can.",
    )
    takes_assertions = forms.BooleanField(
        required=False,
        label="Clients may come with its assertions",
        help_text="Clients of yours that hold an assertion of it (ID-JAG) come in for its person, and nobody is asked.",
    )

    def __init__(self, kind: str, data: Any = None, **named: Any) -> None:
        super().__init__(data, **named)
        del self.fields["takes_assertions" if kind == SsoKind.SAML else "takes_unsolicited"]

    @classmethod
    def of(cls, connection: SsoConnection) -> "AdmissionForm":
        """The form of what is stored."""
        lines = "\n".join(f"{entry['group']} = {entry['role']}" for entry in connection.roles)
        names = ("makes_members", "default_role", "takes_unsolicited", "takes_assertions")
        said = {name: getattr(connection, name) for name in names}
        return cls(connection.kind, initial={**said, "roles": lines})

    def admission(self) -> Admission:
        """What the service takes."""
        said = self.cleaned_data
        lines = [line.rpartition("=") for line in said["roles"].splitlines() if line.strip()]
        roles = [{"group": group.strip(), "role": role.strip()} for group, _, role in lines]
        switches = (said.get("takes_unsolicited", False), said.get("takes_assertions", False))
        return Admission(said["makes_members"], said["default_role"], roles, *switches)


def provider_form(connection: SsoConnection, data: Any = None) -> OidcForm | SamlForm:
    """The form of a connection's provider, with what is stored; secrets are never among it."""
    if connection.kind == SsoKind.OIDC:
        return OidcForm(data, initial=connection.config)
    stored = dict(connection.config)
    stored["certificates"] = "\n".join(_pem(text) for text in stored.get("certificates", []))
    return SamlForm(data, initial=stored)


def _pem(base64: str) -> str:
    lines = "\n".join(base64[at : at + 64] for at in range(0, len(base64), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----"
