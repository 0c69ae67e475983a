"""The editor of kinds that have none of their own: their configuration as JSON, which its source checks by itself."""

from typing import Any, ClassVar

from django import forms

from console.forms import JsonField
from console.pages.sources.editors.base import SecretPairForm, UploadingForm, area
from mcp_runtime.models import Upstream


class PlainForm(UploadingForm, SecretPairForm):
    """A configuration, a secret and a file."""

    lead = "Its configuration is written as JSON."
    service_fields: ClassVar[dict[str, str]] = {"config": "written", "material": "file", "secrets": "secret_value"}
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Configuration", "", ("written", "file")),
        ("Secret", "", ("secret_name", "secret_value")),
    )
    mono: ClassVar[frozenset[str]] = frozenset({"slug", "names_prefix", "written", "secret_name"})

    written = JsonField(label="As JSON", kind=dict, required=False, widget=area(8))
    file = forms.FileField(required=False, help_text="At most 16 MiB. It takes the place of the one before.")

    def config(self) -> dict[str, Any]:
        return self.cleaned_data["written"] or {}

    def material(self) -> bytes | None:
        return self.uploaded()

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        return super().values_of(upstream) | {"written": upstream.config}
