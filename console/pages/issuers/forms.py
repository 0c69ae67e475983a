"""What a person types about an issuer that the tenant trusts."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from console.forms import ServiceForm
from tenants.authorization import scopes
from tenants.authorization.trusted import ALGORITHMS
from tenants.issuers.services import USUAL_ALGORITHMS, IssuerFields
from tenants.models import Group, SsoConnection, TrustedIssuer, TrustedPeople
from tenants.models.trusted_issuer import LONGEST_NAME, LONGEST_URL

_WORDS = {scopes.CALL: "See and call", scopes.READ: "Only see"}
_LONGEST_MAPPING = 40_000


class IssuerForm(ServiceForm):
    """An issuer, and what its tokens mean here; made inside the tenant's context."""

    name = forms.CharField(max_length=LONGEST_NAME, help_text="For your eyes, such as “Acme Okta”.")
    issuer = forms.CharField(max_length=LONGEST_URL, help_text="As its tokens name it (iss), to the letter.")
    jwks_url = forms.CharField(
        label="Key set address",
        max_length=LONGEST_URL,
        required=False,
        help_text="Left empty, it is found by its metadata.",
    )
    audience = forms.CharField(
        max_length=LONGEST_URL,
        required=False,
        help_text="For whom its tokens are (aud). Left empty: the address of the endpoint that is called.",
    )
    algorithms = forms.MultipleChoiceField(
        label="Signatures",
        choices=[(name, name) for name in ALGORITHMS],
        initial=USUAL_ALGORITHMS,
        widget=forms.CheckboxSelectMultiple,
    )
    takes_plain = forms.BooleanField(
        label="Tokens of type JWT are taken too",
        required=False,
        help_text="For issuers that do not say at+jwt. ID tokens are never taken.",
    )
    people = forms.ChoiceField(
        label="Who comes in",
        choices=TrustedPeople.choices,
        initial=TrustedPeople.EXTERNAL,
        widget=forms.RadioSelect,
    )
    connection = forms.ChoiceField(
        required=False, help_text="For members by a connection: that of single sign-on which knows the subject."
    )
    subject_claim = forms.CharField(label="Claim with the subject", max_length=LONGEST_NAME, initial="sub")
    scope_claim = forms.CharField(label="Claim with the scopes", max_length=LONGEST_NAME, initial="scope")
    scopes = forms.CharField(
        label="What its values mean",
        required=False,
        max_length=_LONGEST_MAPPING,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line: the value, =, and mcp:read or mcp:call. These two themselves need no line.",
    )
    default_scope = forms.ChoiceField(
        label="A token that says none of them may",
        required=False,
        choices=[("", "Do nothing"), *_WORDS.items()],
    )
    groups_claim = forms.CharField(label="Claim with groups", max_length=LONGEST_NAME, required=False)
    groups = forms.CharField(
        label="Groups that its values stand for",
        required=False,
        max_length=_LONGEST_MAPPING,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line: the value, =, and the name of a group here.",
    )

    service_fields = {"connection_id": "connection"}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        rows = SsoConnection.objects.order_by("name", "pk").values_list("pk", "name")
        choices = [("", "None"), *((str(pk), name) for pk, name in rows)]
        self.fields["connection"].choices = choices  # type: ignore[attr-defined]  # a choice field

    @classmethod
    def of(cls, issuer: TrustedIssuer, data: Any = None) -> "IssuerForm":
        """The form of what is stored."""
        names = {str(pk): _told(str(pk), name) for pk, name in Group.objects.values_list("pk", "name")}
        stored = {name: getattr(issuer, name) for name in cls.base_fields if hasattr(issuer, name)}
        mappings = {
            "scopes": "\n".join(f"{value} = {scope}" for value, scope in issuer.scopes.items()),
            "groups": "\n".join(f"{value} = {names[pk]}" for value, pk in issuer.groups.items() if pk in names),
        }
        return cls(data, initial={**stored, **mappings, "connection": str(issuer.connection_id or "")})

    def clean_scopes(self) -> dict[str, str]:
        return _mapping(self.cleaned_data["scopes"])

    def clean_groups(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for pk, name in Group.objects.values_list("pk", "name"):
            known |= {name: str(pk), str(pk): str(pk)}
        lines = _mapping(self.cleaned_data["groups"])
        unknown = [name for name in lines.values() if name not in known]
        if unknown:
            raise ValidationError(f"There is no group called {unknown[0]} here.")
        return {value: known[name] for value, name in lines.items()}

    def issuer_fields(self) -> IssuerFields:
        """What the service takes."""
        said = dict(self.cleaned_data)
        connection = said.pop("connection")
        return IssuerFields(**said, connection_id=UUID(connection) if connection else None)


class TokenForm(ServiceForm):
    """A token to try."""

    token = forms.CharField(
        label="Access token",
        max_length=16_384,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Checked now, as an endpoint would, and not kept.",
    )


def _told(pk: str, name: str) -> str:
    """A group by its name, or by its id where the name would be read otherwise."""
    return pk if "=" in name else name


def _mapping(text: str) -> dict[str, str]:
    """Lines of a value, = and what it means. Names of directories hold = themselves, so that the last one counts."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        value, _, meaning = (part.strip() for part in line.rpartition("="))
        if not value or not meaning:
            raise ValidationError("Write a value, = and what it means on each line.")
        if value in found:
            raise ValidationError(f"{value} stands there twice.")
        found[value] = meaning
    return found
