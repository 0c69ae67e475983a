"""What sellers and buyers type."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.money import minor
from billing.resale.models import OfferKind
from billing.resale.pricing import LEAST
from console.forms import ServiceForm
from mcp_runtime.services.offers import Terms

ALL_TOOLS, SOME_TOOLS = "all", "some"
LONGEST_NAME, LONGEST_DESCRIPTION = 80, 2_000
# More than any price has; what can be charged is the service's to say.
_DIGITS, _DECIMALS = 30, 16


class BuyForm(ServiceForm):
    """Who buys."""

    email = forms.EmailField(
        label="Your e-mail address",
        max_length=254,
        help_text="The receipt goes there, with the link to your key and to cancelling.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class LinkForm(ServiceForm):
    """Who bought."""

    email = forms.EmailField(
        label="E-mail address that you bought it with",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class CountryForm(ServiceForm):
    """Where the seller is at home; Stripe asks everything else."""

    country = forms.CharField(
        label="Country",
        min_length=2,
        max_length=2,
        help_text="Two letters, such as US or DE: where you or your company are at home. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "country"}),
    )

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()


class WordsForm(ServiceForm):
    """What may change of an offer at any time."""

    name = forms.CharField(max_length=LONGEST_NAME, help_text="What buyers read first.")
    description = forms.CharField(
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What it does, and for whom.",
    )


class OfferForm(WordsForm):
    """A new offer of one endpoint. What is sold and its price stay as they are once it is on sale."""

    slug = forms.SlugField(
        label="Address",
        max_length=40,
        help_text="Lower case letters, digits and hyphens: the end of the page's address. It stays.",
    )
    scope = forms.ChoiceField(
        label="Tools",
        choices={ALL_TOOLS: "All tools of the endpoint, also those made later", SOME_TOOLS: "Only these"},
        initial=ALL_TOOLS,
        widget=forms.RadioSelect,
    )
    tools = forms.MultipleChoiceField(label="Which ones", required=False, widget=forms.CheckboxSelectMultiple)
    kind = forms.ChoiceField(
        label="Paid",
        choices={OfferKind.MONTHLY: "By the month, ahead", OfferKind.PER_CALL: "For each call, after the month"},
        initial=OfferKind.MONTHLY,
        widget=forms.RadioSelect,
    )
    amount = forms.DecimalField(
        label="Price",
        max_digits=_DIGITS,
        decimal_places=_DECIMALS,
        help_text="In the currency's usual unit: 5 or 4.99; for a call also 0.002.",
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    currency = forms.ChoiceField(choices=[(code, code.upper()) for code in LEAST], initial="usd")

    def __init__(self, tool_names: list[str], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["tools"].choices = [(name, name) for name in tool_names]  # type: ignore[attr-defined]  # a choice field
        self.order_fields(["name", "slug", "description", "scope", "tools", "kind", "amount", "currency"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.pop("scope", None) != SOME_TOOLS:
            cleaned["tools"] = None
        elif not cleaned.get("tools") and "tools" not in self.errors:
            self.add_error("tools", ValidationError("Choose at least one tool, or sell all."))
        if {"amount", "currency"} <= cleaned.keys():
            cleaned["amount"] = minor(cleaned["amount"], cleaned["currency"])
        return cleaned

    def wanted(self, endpoint_slug: str) -> dict[str, Any]:
        """The service's arguments."""
        said = self.cleaned_data
        terms = Terms(endpoint_slug, said["tools"], said["kind"], said["amount"], said["currency"])
        return {"slug": said["slug"], "name": said["name"], "description": said["description"], "terms": terms}
