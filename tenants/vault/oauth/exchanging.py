"""HTTP exchanges with providers: through the outbound door, bounded, encrypted, no credential ever redirected."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from core.foreign_json import NotAnObject, foreign_object
from core.outbound import Client, FetchFailed, Limits, Policy, Response, fetch
from core.outbound.policy import canonical
from core.refusals import Refused
from tenants.vault.oauth.failures import MetadataRefused, OAuthFailed, ProviderAway, ProviderRefused

MAXIMUM_URL = 2048
SERVER_FAILED = 500
_TOO_MANY = 429
# Metadata may be moved; where a credential is sent may not.
READING = Limits(seconds=8.0, response_bytes=128 * 1024, redirects=2)
SENDING = Limits(seconds=10.0, response_bytes=64 * 1024, redirects=0)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def require_secure(url: str, policy: Policy, what: str) -> str:
    """`url`, which is https; http only to this machine, where OUTBOUND_ALLOW names host and port.

    Raises MetadataRefused for anything else: other schemes, relative URLs, users, fragments, control characters.
    """
    if len(url) > MAXIMUM_URL or not url.isascii() or not url.isprintable() or any(char in url for char in ' "<>\\'):
        raise MetadataRefused(f"The {what} is not a valid URL.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MetadataRefused(f"The {what} is not a valid URL.") from None
    if not parts.hostname or parts.username is not None or parts.password is not None or "#" in url:
        raise MetadataRefused(f"The {what} is not a valid URL.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_own_machine(parts.hostname, port, policy)):
        raise MetadataRefused(f"The {what} is not an https URL.")
    return url


def _is_own_machine(host: str, port: int | None, policy: Policy) -> bool:
    return canonical(host) in _LOOPBACK and (canonical(host), port or 80) in policy.origins


def host_of(url: str) -> str:
    """The host of a URL, for sentences."""
    return urlsplit(url).hostname or ""


async def read_document(client: Client, url: str, what: str) -> dict[str, Any] | None:
    """A JSON document; None where there is none. Raises MetadataRefused and ProviderAway."""
    require_secure(url, client.policy, what)
    response = await _answer(client, "GET", url, {"Accept": "application/json"})
    if response.status >= SERVER_FAILED or response.status == _TOO_MANY:
        raise ProviderAway(f"{host_of(url)} answered {response.status} when it was asked for its {what}.")
    if response.status != 200:
        return None
    return _object(response, MetadataRefused(f"The {what} of {host_of(url)} is not a JSON object."))


async def send_form(
    client: Client, url: str, fields: Mapping[str, str | list[str]], headers: Mapping[str, str]
) -> Response:
    """The answer to a form. Raises ProviderAway, and MetadataRefused for a URL where no credential may go."""
    sent = {**headers, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return await _send(client, url, sent, urlencode(fields, doseq=True).encode())


async def send_json(client: Client, url: str, document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """The answer to a JSON document. Raises ProviderAway and MetadataRefused."""
    sent = {**headers, "Content-Type": "application/json", "Accept": "application/json"}
    return await _send(client, url, sent, msgspec.json.encode(document))


async def _send(client: Client, url: str, headers: Mapping[str, str], body: bytes) -> Response:
    require_secure(url, client.policy, "address")
    response = await _answer(client, "POST", url, headers, body)
    if response.status >= SERVER_FAILED or response.status == _TOO_MANY:
        raise ProviderAway(f"{host_of(url)} answered {response.status}.")
    return response


def require_success(response: Response) -> dict[str, Any]:
    """The object of a successful answer; raises ProviderRefused with OAuth's code (RFC 6749 section 5.2)."""
    unreadable = ProviderRefused(response.host, "")
    document = _object(response, unreadable)
    # Some providers answer 200 with an error in it.
    if response.status not in {200, 201} or "error" in document:
        code = document.get("error")
        raise ProviderRefused(response.host, code if isinstance(code, str) else "")
    return document


def _object(response: Response, otherwise: OAuthFailed) -> dict[str, Any]:
    try:
        return foreign_object(response.body)
    except NotAnObject:
        raise otherwise from None


async def _answer(
    client: Client, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
) -> Response:
    limits = READING if body is None else SENDING
    try:
        return await fetch(client, method, url, headers=headers, body=body, limits=limits)
    except FetchFailed as failed:
        raise ProviderAway(str(failed)) from None
    except Refused as refused:
        raise MetadataRefused(str(refused)) from None
