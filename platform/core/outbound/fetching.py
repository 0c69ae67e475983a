"""One bounded exchange through the door: whole body or a failure that says why, redirects followed with care."""

import asyncio
import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from core import refusals
from core.outbound.failures import (
    ConnectionFailed,
    ResponseBroken,
    ResponseTooLarge,
    TimedOut,
    TooManyRedirects,
)
from core.outbound.policy import SCHEMES
from core.outbound.session import CONNECT_SECONDS, POOL_SECONDS, Redirected
from core.refusals import Refused

# All that another origin gets of a redirected request's headers: any other may be a credential.
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
BODY_KEPT_STATUSES = frozenset({307, 308})  # RFC 9110 sections 15.4.8 and 15.4.9


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take: `seconds` for all of it, redirects included; bytes after decompression."""

    seconds: float = 10.0
    response_bytes: int = 256 * 1024
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer."""

    url: URL
    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    charset: str | None
    body: bytes


@dataclass(slots=True)
class _Exchange:
    method: str
    url: URL
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    body: bytes | None = None

    @property
    def host(self) -> str:
        return self.url.raw_host or ""

    def redirected(self, redirect: Redirected) -> "_Exchange":
        """The exchange that the answer sends us to (RFC 9110 section 15.4). Raises Refused."""
        url = _joined(self.url, redirect.location)
        if self.url.scheme == "https" and url.scheme != "https":
            raise Refused(refusals.DESTINATION_REFUSED, f"{self.host} redirects to an unencrypted address.")
        keeps = redirect.status in BODY_KEPT_STATUSES or self.method in SAFE_METHODS
        elsewhere = url.origin() != self.url.origin()
        if elsewhere and keeps and self.method not in SAFE_METHODS:
            raise Refused(refusals.DESTINATION_REFUSED, f"{self.host} redirects a {self.method} to another host.")
        method, body = (self.method, self.body) if keeps else ("GET", None)
        return _Exchange(method, url, self._headers_for(body, elsewhere=elsewhere), body)

    def _headers_for(self, body: bytes | None, *, elsewhere: bool) -> CIMultiDict[str]:
        headers = CIMultiDict(self.headers)
        if body is None:
            headers.popall("Content-Type", None)
        if elsewhere:
            headers = CIMultiDict((name, value) for name, value in headers.items() if name.lower() in HARMLESS_HEADERS)
        return headers


async def fetch(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits | None = None,
) -> Response:
    """Sends one request through `session` (from `client_session`) and reads the whole answer.

    `url` is percent-encoded already and is sent as it stands. Raises FetchFailed, and Refused(DESTINATION_REFUSED)
    for a URL, an address or a redirect that is not allowed; neither tells an internal address.
    """
    limits = limits or Limits()
    exchange = _Exchange(method, encoded_url(url), CIMultiDict(headers or {}), body)
    host = exchange.host
    try:
        async with asyncio.timeout(limits.seconds):
            for _hop in range(limits.redirects + 1):
                try:
                    return await _send(session, exchange, limits)
                except Redirected as redirect:
                    exchange = exchange.redirected(redirect)
    except TimeoutError:
        raise TimedOut(f"{host} did not answer within {limits.seconds:.3g} s.") from None
    raise TooManyRedirects(f"{host} redirected more than {limits.redirects} times.")


def encoded_url(url: str) -> URL:
    """`url` parsed as it stands. Raises Refused(DESTINATION_REFUSED) unless it is absolute, printable ASCII."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused(refusals.DESTINATION_REFUSED, "The URL holds characters that must be percent-encoded.")
    try:
        parsed = URL(url, encoded=True)
        _port = parsed.port
    except ValueError:
        raise Refused(refusals.DESTINATION_REFUSED, "The URL is not valid.") from None
    if parsed.scheme not in SCHEMES:
        raise Refused(refusals.DESTINATION_REFUSED, "Only http and https URLs can be requested.")
    if not parsed.raw_host or parsed.raw_user is not None:
        raise Refused(refusals.DESTINATION_REFUSED, "A URL names a host, and no user or password.")
    return parsed


def _joined(base: URL, location: str) -> URL:
    try:
        return encoded_url(str(base.join(URL(location))))
    except ValueError:
        raise Refused(refusals.DESTINATION_REFUSED, f"{base.raw_host} redirects to an invalid address.") from None


async def _send(session: aiohttp.ClientSession, exchange: _Exchange, limits: Limits) -> Response:
    timeout = aiohttp.ClientTimeout(connect=POOL_SECONDS, sock_connect=CONNECT_SECONDS)
    try:
        async with session.request(
            exchange.method, exchange.url, headers=exchange.headers, data=exchange.body, timeout=timeout
        ) as response:
            body = await _read(response, exchange, limits)
            return Response(
                url=exchange.url,
                status=response.status,
                reason=response.reason or "",
                headers=response.headers,
                charset=response.charset,
                body=body,
            )
    except aiohttp.ClientConnectorError as error:
        raise _connection_failed(exchange.host, error) from None
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        raise ResponseBroken(f"{exchange.host} closed the connection before it had answered.") from None
    except aiohttp.ClientPayloadError:
        raise ResponseBroken(f"The answer of {exchange.host} broke off or cannot be decompressed.") from None
    except aiohttp.ServerTimeoutError:
        raise TimedOut(f"{exchange.host} could not be reached within {CONNECT_SECONDS} s.") from None
    except aiohttp.ClientError:
        raise ResponseBroken(
            f"The answer of {exchange.host} is not valid HTTP, or its headers are too large."
        ) from None


async def _read(response: aiohttp.ClientResponse, exchange: _Exchange, limits: Limits) -> bytes:
    # aiohttp decompresses piece by piece, so a bomb is noticed when the limit is passed, not when it has gone off.
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limits.response_bytes:
            response.close()
            raise ResponseTooLarge(f"The answer of {exchange.host} is larger than {_in_words(limits.response_bytes)}.")
        chunks.append(chunk)
    return b"".join(chunks)


def _in_words(size: int) -> str:
    return f"{size // 1024} KiB" if size % 1024 == 0 else f"{size} bytes"


def _connection_failed(host: str, error: aiohttp.ClientConnectorError) -> ConnectionFailed:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectionFailed(f"The name {host} does not resolve.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ConnectionFailed(f"The certificate of {host} is not trusted.")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ConnectionFailed(f"The TLS handshake with {host} failed.")
    if error.os_error.errno == errno.ECONNREFUSED:
        return ConnectionFailed(f"{host} refused the connection.")
    return ConnectionFailed(f"No connection to {host} could be made.")
