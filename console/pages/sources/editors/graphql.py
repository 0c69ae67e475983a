"""The editor of GraphQL services: where one is, and the operations that become tools."""

from typing import Any, ClassVar

from django import forms

from console.pages.sources.editors.base import LONGEST_PASTE, SecretPairForm, UploadingForm, area
from console.pages.sources.editors.rows import RowsForm, ToolRow
from console.pages.tools.pairs import PairsField
from mcp_runtime.models import Upstream

LIMITS = ("depth", "aliases", "cost")
KIB = 1024


class OperationRow(ToolRow):
    """One operation, which is one tool."""

    mono: ClassVar[frozenset[str]] = frozenset({"name", "document"})

    name = forms.CharField(max_length=128, required=False)
    title = forms.CharField(max_length=200, required=False)
    description = forms.CharField(max_length=4096, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    document = forms.CharField(
        label="Operation",
        max_length=32_768,
        required=False,
        strip=False,
        widget=area(5),
        help_text="query($id: ID!) { order(id: $id) { number total } }: its variables are the tool's arguments.",
    )
    timeout = forms.FloatField(label="Time-out in seconds", required=False, min_value=0.1, max_value=60, initial=10.0)
    size_limit = forms.IntegerField(
        label="Largest answer in KiB", required=False, min_value=1, max_value=1024, initial=256
    )

    @property
    def is_blank(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in ("name", "title", "description", "document"))

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        for name, sentence in (("name", "Name the tool, or remove it."), ("document", "Write its operation.")):
            if not self.is_blank and not typed.get(name) and name not in self.errors:
                self.add_error(name, sentence)
        return typed

    def entry(self) -> dict[str, Any]:
        typed = self.cleaned_data
        entry = {name: typed[name] for name in ("name", "title", "description", "timeout")}
        entry["document"] = typed["document"].replace("\r\n", "\n")
        entry["size_limit"] = typed["size_limit"] * KIB if typed["size_limit"] else None
        return {name: value for name, value in entry.items() if value not in (None, "")}

    @classmethod
    def values_of(cls, entry: dict[str, Any]) -> dict[str, Any]:
        return entry | ({"size_limit": max(1, entry["size_limit"] // KIB)} if "size_limit" in entry else {})


class GraphqlForm(RowsForm, UploadingForm, SecretPairForm):
    """A service's URL, its schema where it does not tell it, and the operations that are allowed."""

    lead = "Operations that you allow become tools; what they may ask for is limited in depth, aliases and cost."
    row = OperationRow
    row_noun = "Operation"
    member = "operations"
    rows_lead = "Each is one tool. With none, the import proposes one for each plain field of the query type."
    service_fields: ClassVar[dict[str, str]] = {
        "config.url": "url",
        "config.headers": "headers",
        **{f"config.limits.{name}": name for name in LIMITS},
        "material": "file",
        "secrets": "secret_value",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Service", "", ("url", "headers")),
        ("Secret header", "Left empty where it needs none.", ("secret_name", "secret_value")),
        (
            "Schema",
            "Left empty, the service is asked for it. As SDL, or as the JSON that introspection answers.",
            ("file", "pasted"),
        ),
        ("Limits", "What an operation may ask for.", LIMITS),
    )
    mono: ClassVar[frozenset[str]] = frozenset({"slug", "names_prefix", "url", "headers", "pasted", "secret_name"})

    url = forms.CharField(label="URL", max_length=4096, help_text="Such as https://api.example.com/graphql.")
    headers = PairsField(separator=":", widget=area(3), help_text="A header a line: Accept-Language: en")
    file = forms.FileField(required=False, help_text="At most 16 MiB. It takes the place of the one before.")
    pasted = forms.CharField(label="Or paste it", required=False, strip=False, max_length=LONGEST_PASTE, widget=area(6))
    depth = forms.IntegerField(label="Levels deep", min_value=1, max_value=50, initial=10)
    aliases = forms.IntegerField(min_value=0, max_value=500, initial=20)
    cost = forms.IntegerField(label="Fields that may come back", min_value=1, max_value=1_000_000, initial=10_000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret_name"].label = "Header"

    def config(self) -> dict[str, Any]:
        typed = self.cleaned_data
        limits = {name: typed[name] for name in LIMITS}
        return {"url": typed["url"], "headers": typed["headers"], "operations": self.entries, "limits": limits}

    def material(self) -> bytes | None:
        pasted: str = self.cleaned_data["pasted"]
        return pasted.encode() if pasted.strip() else self.uploaded()

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        config = upstream.config
        stored = {name: config[name] for name in ("url", "headers") if name in config}
        limits: dict[str, Any] = config.get("limits", {})
        return super().values_of(upstream) | stored | limits
