"""The editor of services that hand-written tools call: the request that shows whether one is well."""

from typing import Any, ClassVar

from django import forms

from console.pages.sources.editors.base import SecretPairForm, area
from console.pages.tools.pairs import PairsField
from mcp_runtime.models import Upstream

NAMES = ("url", "method", "expects", "headers")
EXPECTED = ("2xx", "2xx or 3xx", "anything but 5xx")


class HttpServiceForm(SecretPairForm):
    """A service's health request."""

    lead = "A service that your own HTTP tools call: asked now and then whether it is well, and named where it is not."
    service_fields: ClassVar[dict[str, str]] = {
        **{f"config.{name}": name for name in NAMES},
        "secrets": "secret_value",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Request", "What is asked, and which answers say that the service is well.", NAMES),
        ("Secret header", "Left empty where it needs none.", ("secret_name", "secret_value")),
    )
    mono: ClassVar[frozenset[str]] = frozenset({"slug", "names_prefix", "url", "headers", "secret_name"})

    url = forms.CharField(label="URL", max_length=4096, help_text="Such as https://api.example.com/health.")
    method = forms.ChoiceField(choices=[(name, name) for name in ("GET", "HEAD")])
    expects = forms.ChoiceField(label="Good answers", choices=[(name, name) for name in EXPECTED])
    headers = PairsField(separator=":", widget=area(3), help_text="A header a line: Accept-Language: en")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret_name"].label = "Header"

    def config(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in NAMES}

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        return super().values_of(upstream) | {name: upstream.config[name] for name in NAMES if name in upstream.config}
