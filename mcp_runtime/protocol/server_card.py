"""What is said of an endpoint before anybody connects: its server card and its tenant's catalogue (SEP-2127, draft)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revisions import ALL
from mcp_runtime.protocol.served import ServedEndpoint

SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
CARD_TYPE = "application/mcp-server-card+json"
CATALOGUE_TYPE = "application/ai-catalog+json"
CATALOGUE_VERSION = "1.0"
MAXIMUM_DESCRIPTION = 100
# Revisions that the other transport, HTTP+SSE, is for.
SSE_VERSIONS = ["2024-11-05"]
KEY_HEADER = {
    "name": "Authorization",
    "description": "Bearer and an access key, which the server's owner hands out.",
    "isRequired": True,
    "isSecret": True,
}


class Place:
    """Where a tenant's endpoints are: the runtime's public URL, and the tenant's slug as it was asked for."""

    def __init__(self, origin: str, tenant: str) -> None:
        host = urlsplit(origin).hostname or "localhost"
        self._base = f"{origin}/t/{tenant}"
        self._tenant = tenant
        # IPv6 addresses have no place in the format's names.
        self._publisher = host if ":" not in host else "localhost"

    def card(self, endpoint: ServedEndpoint) -> bytes:
        """The server card: how to connect, and nothing that is offered only to who may."""
        optional = {"title": endpoint.name, "websiteUrl": endpoint.website_url, "icons": endpoint.icons}
        return encode(
            {
                "$schema": SCHEMA,
                "name": f"{'.'.join(reversed(self._publisher.split('.')))}/{self._name(endpoint.slug)}",
                "version": str(endpoint.version),
                "description": (endpoint.description or endpoint.name)[:MAXIMUM_DESCRIPTION],
                **{name: value for name, value in optional.items() if value},
                "remotes": self._remotes(endpoint),
            }
        )

    def catalogue(self, endpoints: Sequence[tuple[str, str]]) -> bytes:
        """The catalogue of endpoints, which are given by slug and name."""
        entries = [
            {
                "identifier": f"urn:air:{self._publisher}:mcp:{self._name(slug)}",
                "displayName": name,
                "type": CARD_TYPE,
                "url": f"{self._base}/{slug}/mcp/server-card",
            }
            for slug, name in endpoints
        ]
        return encode({"specVersion": CATALOGUE_VERSION, "entries": entries})

    def _name(self, slug: str) -> str:
        return f"{self._tenant}.{slug}"

    def _remotes(self, endpoint: ServedEndpoint) -> list[dict[str, Any]]:
        headers = {} if endpoint.is_open else {"headers": [KEY_HEADER]}
        url = f"{self._base}/{endpoint.slug}"
        return [
            {"type": "streamable-http", "url": f"{url}/mcp", **headers, "supportedProtocolVersions": sorted(ALL)},
            {"type": "sse", "url": f"{url}/sse", **headers, "supportedProtocolVersions": SSE_VERSIONS},
        ]
