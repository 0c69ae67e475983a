"""Opening connections: names resolved, each address checked, and the one that was checked dialled."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohappyeyeballs

from core.departures import Departures
from core.outbound import addresses
from core.outbound.destination import Origin
from core.outbound.failures import ConnectionFailed, TimedOut
from core.outbound.policy import Policy
from core.outbound.wire import Connection

RESOLVED_SECONDS = 10.0
RESOLVED_NAMES = 4_096
CONNECT_SECONDS = 5
# Another address of the same name is tried beside one that does not answer for so long (RFC 8305 section 5).
STAGGER_SECONDS = 0.25

# As socket.getaddrinfo has them: family, kind, protocol, canonical name, socket address.
type AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
# Takes a host and a port; raises OSError or UnicodeError.
type Lookup = Callable[[str, int], Awaitable[list[AddressInfo]]]


async def look_up(host: str, port: int) -> list[AddressInfo]:
    """The addresses that the system's resolver knows. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(int(family), int(kind), protocol, name, address) for family, kind, protocol, name, address in infos]


@dataclass(slots=True)
class _Resolved:
    infos: "asyncio.Task[list[AddressInfo]]"
    good_until: float


class Dialler:
    """Opens connections that `policy` allows; `tls` says whom to trust, without it the system's authorities.

    `resolved_seconds` is how long the addresses of a name are kept.
    """

    def __init__(
        self,
        policy: Policy,
        lookup: Lookup = look_up,
        *,
        resolved_seconds: float = RESOLVED_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._lookup = lookup
        self._resolved_seconds = resolved_seconds
        self._resolved: dict[tuple[str, int], _Resolved] = {}
        self._tls = tls
        self._departures = Departures()

    async def dial(self, origin: Origin) -> Connection:
        """A connection, over TLS where the origin wants it.

        Raises ConnectionFailed and TimedOut, and Refused for an address that is not allowed.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                allowed = self._allowed(origin, await self._addresses(origin))
                try:
                    sock = await aiohappyeyeballs.start_connection(allowed, happy_eyeballs_delay=STAGGER_SECONDS)
                except OSError as error:
                    raise _unconnected(origin, error) from None
                return await self._speak(origin, sock)
        except TimeoutError:
            raise TimedOut(f"{origin.host} could not be reached within {CONNECT_SECONDS} s.") from None

    async def resolve(self, origin: Origin) -> list[str]:
        """The addresses of its host that may be dialled. Raises ConnectionFailed, TimedOut and Refused."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                allowed = self._allowed(origin, await self._addresses(origin))
        except TimeoutError:
            raise TimedOut(f"{origin.host} could not be reached within {CONNECT_SECONDS} s.") from None
        return [str(info[4][0]) for info in allowed]

    def _allowed(self, origin: Origin, infos: list[AddressInfo]) -> list[AddressInfo]:
        # The very addresses that were checked are dialled, so that nothing can change in between.
        allowed = [info for info in infos if self._policy.allows_dial(origin.host, info[4][0], origin.port)]
        if not allowed:
            raise origin.refused("is not at a public address")
        return allowed

    async def _addresses(self, origin: Origin) -> list[AddressInfo]:
        address = addresses.parse(origin.host)
        if address is not None:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), origin.port))]
        try:
            return await asyncio.shield(self._resolving(origin.host, origin.port))
        except UnicodeError:
            raise origin.refused("is not a host that requests can go to") from None
        except OSError:
            raise ConnectionFailed(f"The name {origin.host} does not resolve.") from None

    def _resolving(self, host: str, port: int) -> "asyncio.Task[list[AddressInfo]]":
        """The one look-up of this name for everybody who asks meanwhile."""
        now = asyncio.get_running_loop().time()
        known = self._resolved.get((host, port))
        if known is None or known.good_until <= now:
            if len(self._resolved) >= RESOLVED_NAMES:
                self._resolved = {key: entry for key, entry in self._resolved.items() if entry.good_until > now}
            task = asyncio.ensure_future(self._lookup(host, port))
            task.add_done_callback(partial(self._looked_up, (host, port)))
            known = self._resolved[host, port] = _Resolved(task, now + self._resolved_seconds)
        return known.infos

    def _looked_up(self, key: tuple[str, int], task: "asyncio.Task[list[AddressInfo]]") -> None:
        """Forgets failures, which are told to those who waited and to nobody after them."""
        if task.cancelled() or task.exception() is not None:
            self._resolved.pop(key, None)

    async def _speak(self, origin: Origin, sock: socket.socket) -> Connection:
        loop = asyncio.get_running_loop()
        make = partial(Connection, origin.host, self._departures, loop)
        try:
            if not origin.is_encrypted:
                _, connection = await loop.create_connection(make, sock=sock)
                return connection
            name = origin.host.removesuffix(".")
            _, connection = await loop.create_connection(make, sock=sock, ssl=self._context(), server_hostname=name)
        except ssl.SSLCertVerificationError:
            raise ConnectionFailed(f"The certificate of {origin.host} is not trusted.") from None
        except (ssl.SSLError, OSError):
            raise ConnectionFailed(f"The TLS handshake with {origin.host} failed.") from None
        return connection

    def _context(self) -> ssl.SSLContext:
        """Made once and when it is needed: reading the trusted certificates takes milliseconds."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _unconnected(origin: Origin, error: OSError) -> ConnectionFailed:
    if error.errno == errno.ECONNREFUSED:
        return ConnectionFailed(f"{origin.host} refused the connection.")
    return ConnectionFailed(f"No connection to {origin.host} could be made.")
