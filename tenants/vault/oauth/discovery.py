"""From a protected resource to its authorization server, as MCP's authorization specification says."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.outbound import Client, FetchFailed, Limits, fetch
from core.refusals import Refused
from tenants.vault.oauth.challenges import Challenge, bearer_challenge
from tenants.vault.oauth.exchanging import host_of, read_document, require_secure
from tenants.vault.oauth.failures import MetadataRefused, ProviderAway
from tenants.vault.oauth.metadata import ProviderMetadata, guessed, provider_metadata
from tenants.vault.oauth.scopes import united

PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource"
MAXIMUM_SERVERS = 10
MAXIMUM_SCOPES = 2_000
ASKING = Limits(seconds=8.0, response_bytes=256 * 1024, redirects=0)
_PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


class Protected(msgspec.Struct, frozen=True):
    """A protected resource: the identifier that its tokens are for (RFC 8707), the scopes to ask for, its provider.

    `offered` are all scopes that the resource says it knows.
    """

    resource: str
    scopes: str
    provider: ProviderMetadata
    offered: str = ""

    @property
    def registrable(self) -> str:
        """What a client is registered for: providers refuse it later what it was not, when a call wants more."""
        return united(self.scopes, self.offered)


async def discovered(client: Client, url: str, challenge: str = "") -> Protected:
    """Who issues tokens for the MCP server at `url`, and for what. `challenge` is its WWW-Authenticate, if known.

    Raises MetadataRefused and ProviderAway.
    """
    require_secure(url, client.policy, "address of the server")
    told = bearer_challenge(challenge or await _challenge(client, url))
    document = await _resource_document(client, url, told)
    if document is None:
        return Protected(canonical(url), told.scope[:MAXIMUM_SCOPES], await _provider_of_origin(client, url))
    resource = _resource(document, url)
    offered = " ".join(_texts(document.get("scopes_supported")))[:MAXIMUM_SCOPES]
    provider = await _provider_of(client, document, url)
    return Protected(resource, told.scope[:MAXIMUM_SCOPES] or offered, provider, offered)


async def known(client: Client, issuer: str) -> Protected:
    """A provider that somebody named, for a resource that names none: tokens are not asked for it by its URL.

    Raises MetadataRefused and ProviderAway.
    """
    provider = await provider_metadata(client, issuer)
    if provider is None:
        raise MetadataRefused(f"{host_of(issuer)} publishes no authorization server metadata.")
    return Protected("", "", provider)


def canonical(url: str) -> str:
    """The identifier of an MCP server (RFC 8707 section 2; MCP: canonical server URI): no fragment, no lone slash."""
    parts = urlsplit(url)
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}{query}"


def resource_places(url: str) -> list[str]:
    """Where the metadata of a resource may be: with its path inserted, then at the root (RFC 9728 section 3.1)."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}{PROTECTED_RESOURCE}"
    return [f"{root}{parts.path}", root] if parts.path.strip("/") else [root]


async def _challenge(client: Client, url: str) -> str:
    """What the server answers to a request without a token: only its 401 says anything."""
    try:
        response = await fetch(client, "POST", url, headers=_HEADERS, body=_PING, limits=ASKING)
    except FetchFailed as failed:
        raise ProviderAway(str(failed)) from None
    except Refused as refused:
        raise MetadataRefused(str(refused)) from None
    return (response.header("www-authenticate") or "") if response.status == 401 else ""


async def _resource_document(client: Client, url: str, told: Challenge) -> dict[str, Any] | None:
    for place in [told.resource_metadata] if told.resource_metadata else resource_places(url):
        document = await read_document(client, place, "protected resource metadata")
        if document is not None:
            return document
    if told.resource_metadata:
        raise MetadataRefused(f"{host_of(url)} names metadata that are not there.")
    return None


def _resource(document: dict[str, Any], url: str) -> str:
    """The document's resource, which has to be the server that was asked, or a part of its address above it.

    RFC 9728 section 3.3 asks for equality; official MCP clients take what the URL lies under, since many servers name
    their origin. Anything else could have a server collect tokens that are meant for another.
    """
    resource = document.get("resource")
    if not isinstance(resource, str) or not _lies_under(canonical(url), canonical(resource)):
        raise MetadataRefused(f"The metadata of {host_of(url)} describe another resource.")
    return resource


def _lies_under(url: str, above: str) -> bool:
    return url == above or url.startswith(above if above.endswith("/") else f"{above}/")


async def _provider_of(client: Client, document: dict[str, Any], url: str) -> ProviderMetadata:
    servers = _texts(document.get("authorization_servers"))[:MAXIMUM_SERVERS]
    if not servers:
        raise MetadataRefused(f"The metadata of {host_of(url)} name no authorization server.")
    found = await provider_metadata(client, servers[0])
    if found is None:
        raise MetadataRefused(f"{host_of(servers[0])} publishes no authorization server metadata.")
    return found


async def _provider_of_origin(client: Client, url: str) -> ProviderMetadata:
    """MCP 2025-03-26: the server's origin is its authorization server, with or without metadata."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return await provider_metadata(client, origin) or guessed(origin)


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
