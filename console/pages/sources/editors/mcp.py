"""The editor of other MCP servers."""

from typing import Any, ClassVar

from django import forms

from console.pages.sources.editors.base import SecretPairForm, area
from console.pages.tools.pairs import PairsField
from mcp_runtime.models import Upstream

TRANSPORTS = {
    "auto": "Find out",
    "stateless": "Streamable HTTP without sessions (2026-07-28)",
    "session": "Streamable HTTP with sessions (2025-03-26 to 2025-11-25)",
    "http_sse": "HTTP+SSE (2024-11-05)",
}


class McpForm(SecretPairForm):
    """A server's URL, and the headers that it wants."""

    lead = "Tools, prompts and resources of another MCP server, of any revision, over Streamable HTTP or HTTP+SSE."
    service_fields: ClassVar[dict[str, str]] = {
        "config.url": "url",
        "config.headers": "headers",
        "config.transport": "transport",
        "secrets": "secret_value",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Server", "", ("url", "transport", "headers")),
        (
            "Secret header",
            "Left empty where it needs none, or where somebody logs in at the server's provider.",
            ("secret_name", "secret_value"),
        ),
    )
    mono: ClassVar[frozenset[str]] = frozenset({"slug", "names_prefix", "url", "headers", "secret_name"})

    url = forms.CharField(label="URL", max_length=4096, help_text="Such as https://mcp.example.com/mcp.")
    transport = forms.ChoiceField(choices=TRANSPORTS, initial="auto")
    headers = PairsField(separator=":", widget=area(3), help_text="A header a line: X-Region: eu")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret_name"].label = "Header"
        self.fields["secret_name"].help_text = "Such as Authorization; its value is Bearer and a token then."

    def config(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("url", "transport", "headers")}

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        names = ("url", "transport", "headers")
        return super().values_of(upstream) | {name: upstream.config[name] for name in names if name in upstream.config}
