"""The editor of gRPC services."""

from typing import Any, ClassVar

from django import forms

from console.pages.sources.editors.base import KIB, SecretPairForm, UploadingForm, area
from console.pages.tools.pairs import PairsField
from mcp_runtime.models import Upstream


class GrpcForm(UploadingForm, SecretPairForm):
    """A target, what of it is taken, and its descriptors where it does not tell them."""

    lead = "Methods of a gRPC service become tools, by its reflection or by descriptors that you upload."
    service_fields: ClassVar[dict[str, str]] = {
        **{f"config.{name}": name for name in ("url", "services", "metadata", "certificates", "timeout", "size_limit")},
        "material": "file",
        "secrets": "secret_value",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Service", "", ("url", "services", "metadata")),
        ("Secret metadata", "Left empty where it needs none.", ("secret_name", "secret_value")),
        (
            "Descriptors",
            "Left empty, the service is asked by reflection. Made by protoc --include_imports --descriptor_set_out.",
            ("file",),
        ),
        ("More", "", ("certificates", "timeout", "size_limit")),
    )
    mono: ClassVar[frozenset[str]] = frozenset(
        {"slug", "names_prefix", "url", "services", "metadata", "secret_name", "certificates"}
    )

    url = forms.CharField(
        label="Target",
        max_length=300,
        help_text="Such as grpcs://api.example.com:443; grpc:// is without encryption.",
    )
    services = forms.CharField(
        required=False,
        max_length=20_000,
        widget=area(2),
        help_text="One a line, such as shop.v1.Orders. Left empty, every one that it has.",
    )
    metadata = PairsField(separator=":", widget=area(2), help_text="A key and a value a line: x-language: en")
    file = forms.FileField(required=False, help_text="At most 16 MiB. It takes the place of the one before.")
    certificates = forms.CharField(
        label="Certificate authorities",
        required=False,
        max_length=65_536,
        widget=area(2),
        help_text="As PEM, trusted instead of the usual ones.",
    )
    timeout = forms.FloatField(label="Time-out in seconds", min_value=0.1, max_value=60, initial=10.0)
    size_limit = forms.IntegerField(label="Largest answer in KiB", min_value=1, max_value=1024, initial=256)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret_name"].label = "Key"

    def config(self) -> dict[str, Any]:
        typed = self.cleaned_data
        names = ("url", "metadata", "certificates", "timeout")
        config = {name: typed[name] for name in names if typed[name]}
        return config | {"services": typed["services"].split(), "size_limit": typed["size_limit"] * KIB}

    def material(self) -> bytes | None:
        return self.uploaded()

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        config = upstream.config
        names = ("url", "metadata", "certificates", "timeout")
        stored = {name: config[name] for name in names if name in config}
        limit = {"size_limit": max(1, config["size_limit"] // KIB)} if "size_limit" in config else {}
        return super().values_of(upstream) | stored | limit | {"services": "\n".join(config.get("services", []))}
