"""The aiohttp session that everything outbound goes through; its connector checks each address as it dials it."""

import errno
import socket
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from core import refusals
from core.outbound import addresses
from core.outbound.policy import SCHEMES, Policy, policy_from_environment
from core.refusals import Refused

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})  # RFC 9110 section 15.4
CONNECTIONS = 2_000
CONNECTIONS_PER_ORIGIN = 100
KEEP_ALIVE_SECONDS = 15
RESOLVED_SECONDS = 10
CONNECT_SECONDS = 5
POOL_SECONDS = 10  # waiting for a free connection included
TOTAL_SECONDS = 60
HEADER_BYTES = 8_190
HEADERS = 100

# The host that a request is for, seen by the dialling that it causes.
_requested_host: ContextVar[str] = ContextVar("requested_host", default="")


@dataclass(slots=True)
class Redirected(Refused):
    """The answer was a redirect. The session never follows one; `core.outbound.fetch` does, checking each."""

    status: int = 0
    location: str = ""


class AddressRefused(OSError):
    """The address may not be dialled. Says no more, so that an internal address is never shown."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "destination refused")


def client_session(
    policy: Policy | None = None, resolver: aiohttp.abc.AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """A session for the running loop; its owner closes it. Without `policy`, OUTBOUND_ALLOW says what is allowed.

    Every request through it raises Refused(DESTINATION_REFUSED) when its URL or the address that the host resolves
    to is not allowed, and Redirected when the answer is a redirect. Idle connections are kept per origin.
    """
    policy = policy_from_environment() if policy is None else policy
    return aiohttp.ClientSession(
        connector=_connector(policy, resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=POOL_SECONDS, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        max_headers=HEADERS,
        headers={"User-Agent": "armstrong"},
        middlewares=(Guard(policy),),
    )


def _connector(policy: Policy, resolver: aiohttp.abc.AbstractResolver | None) -> aiohttp.TCPConnector:
    def dial(addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _canonical_name, address = addr_info
        if not policy.allows_dial(_requested_host.get(), address[0], address[1]):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        socket_factory=dial,
        resolver=resolver,
        limit=CONNECTIONS,
        limit_per_host=CONNECTIONS_PER_ORIGIN,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        ttl_dns_cache=RESOLVED_SECONDS,
    )


class Guard:
    """Checks the URL of every request, and turns a refused address and a redirect into refusals."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Lets the request pass, or raises Refused."""
        if request.proxy is not None:
            raise Refused(refusals.DESTINATION_REFUSED, "Requests do not go through proxies.")
        require_allowed(request.url, self._policy)
        response = await self._send(request, handler)
        if response.status in REDIRECT_STATUSES and "Location" in response.headers:
            response.release()
            raise _redirected(request.url, response)
        return response

    @staticmethod
    async def _send(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        token = _requested_host.set(request.url.raw_host or "")
        try:
            return await handler(request)
        except aiohttp.InvalidURL:
            raise _refused(request.url, "is not a host that requests can go to") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressRefused):
                raise _refused(request.url, "is not at a public address") from None
            raise
        finally:
            _requested_host.reset(token)


def require_allowed(url: URL, policy: Policy) -> None:
    """Raises Refused(DESTINATION_REFUSED) unless scheme, host, port and user part of `url` are allowed."""
    if url.scheme not in SCHEMES:
        raise Refused(refusals.DESTINATION_REFUSED, "Only http and https URLs can be requested.")
    if not url.raw_host or url.raw_user is not None or url.raw_password is not None:
        raise Refused(refusals.DESTINATION_REFUSED, "A URL names a host, and no user or password.")
    port = url.port
    if port is None or not policy.allows_port(url.raw_host, port):
        raise _refused(url, f"may not be called on port {port}")


def require_allowed_early(url: URL, policy: Policy) -> None:
    """Refuses what can be refused without a resolver, for whoever stores a URL that is requested later."""
    require_allowed(url, policy)
    host = url.raw_host or ""
    if addresses.parse(host) is not None and not policy.allows_dial(host, host, url.port or 0):
        raise _refused(url, "is not a public address")


def _refused(url: URL, why: str) -> Refused:
    return Refused(refusals.DESTINATION_REFUSED, f"{url.raw_host} {why}.")


def _redirected(url: URL, response: ClientResponse) -> Redirected:
    return Redirected(
        refusals.DESTINATION_REFUSED,
        f"{url.raw_host} redirects elsewhere, which is not followed.",
        status=response.status,
        location=response.headers["Location"],
    )
