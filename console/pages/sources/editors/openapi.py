"""The editor of services described by an OpenAPI document."""

import json
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import JsonField, parse_json
from console.pages.sources.editors.base import LONGEST_PASTE, SecretPairForm, UploadingForm, area
from mcp_runtime.models import Upstream
from mcp_runtime.sources.openapi.config import DEFAULT_SECONDS


class OpenApiForm(UploadingForm, SecretPairForm):
    """A document by its URL, uploaded, or pasted."""

    lead = "Every operation of an HTTP service becomes a tool: Swagger 2.0, OpenAPI 3.0, 3.1 or 3.2, as JSON or YAML."
    service_fields: ClassVar[dict[str, str]] = {
        "config.url": "url",
        "config.server": "server",
        "config.probe": "probe",
        "config.schemes": "schemes",
        "config.timeout": "timeout",
        "material": "file",
        "secrets": "secret_value",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Document", "Its URL, or the document itself: one of the three.", ("url", "file", "pasted")),
        (
            "Secret",
            "Named as in the document's security schemes; for user and password, write a colon between them.",
            ("secret_name", "secret_value"),
        ),
        ("More", "What documents often leave out.", ("server", "probe", "schemes", "timeout")),
    )
    mono: ClassVar[frozenset[str]] = frozenset(
        {"slug", "names_prefix", "url", "pasted", "server", "probe", "schemes", "secret_name"}
    )

    url = forms.CharField(
        label="URL",
        required=False,
        max_length=4096,
        help_text="Such as https://api.example.com/openapi.json. Importing again reads it again.",
    )
    file = forms.FileField(required=False, help_text="JSON or YAML, at most 16 MiB; in place of the one before.")
    pasted = forms.CharField(label="Or paste it", required=False, strip=False, max_length=LONGEST_PASTE, widget=area(6))
    server = forms.CharField(
        required=False,
        max_length=4096,
        help_text="Where the service is, such as https://api.example.com/v1. Left empty, the document says it.",
    )
    probe = forms.CharField(
        label="Path to ask for its health",
        required=False,
        max_length=20_000,
        help_text="Below the server, such as /me. Left empty, it is asked for its own address.",
    )
    schemes = JsonField(
        label="Security schemes",
        kind=dict,
        required=False,
        widget=area(3),
        help_text='Where the document leaves them out: {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}',
    )
    timeout = forms.FloatField(label="Time-out in seconds", min_value=0.1, max_value=300, initial=DEFAULT_SECONDS)

    def clean_probe(self) -> Any:
        """A path, or an operation as discovery found it, as JSON."""
        typed: str = self.cleaned_data["probe"]
        return parse_json(typed) if typed.startswith("{") else typed

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        given = [name for name in ("url", "file", "pasted") if typed.get(name)]
        if len(given) > 1:
            raise ValidationError("Give one of the three: a URL, a file, or the pasted document.")
        stored = self.upstream is not None and not self.upstream.config.get("url")
        if not given and not stored and not {"url", "file", "pasted"} & self.errors.keys():
            raise ValidationError("Give the document: its URL, a file, or its text.")
        return typed

    def config(self) -> dict[str, Any]:
        typed = self.cleaned_data
        kept = dict(self.upstream.config) if self.upstream is not None else {}
        config = kept | {name: typed[name] for name in ("url", "server", "timeout")}
        config |= {"probe": typed["probe"], "schemes": typed["schemes"] or {}}
        return {name: value for name, value in config.items() if value not in ("", {})}

    def material(self) -> bytes | None:
        pasted: str = self.cleaned_data["pasted"]
        return pasted.encode() if pasted.strip() else self.uploaded()

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        names = ("url", "server", "probe", "schemes", "timeout")
        stored = {name: upstream.config[name] for name in names if name in upstream.config}
        if isinstance(stored.get("probe"), dict):
            stored["probe"] = json.dumps(stored["probe"])
        return super().values_of(upstream) | stored
