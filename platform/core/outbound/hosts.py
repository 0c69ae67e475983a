"""The door for protocols other than HTTP: a host's name becomes the addresses that a connection may be opened to."""

import re

from core import refusals
from core.outbound.destination import Origin, require_address_allowed
from core.outbound.fetching import Client
from core.outbound.policy import HIGHEST_PORT, Policy
from core.refusals import Refused

# What names and addresses are written with: no socket path, no list, nothing that could be read as an option.
HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_.])?|\[?[0-9A-Fa-f:.]{2,45}\]?")

NO_PORTS: frozenset[int] = frozenset()


async def resolve_allowed(
    client: Client, scheme: str, host: str, port: int, *, ports: frozenset[int] = NO_PORTS
) -> list[str]:
    """The addresses of `host` that were checked just now: whoever asks connects to one of them and resolves no more.

    `ports` are those that the protocol is at home on, allowed besides those that URLs may name. Raises
    Refused(DESTINATION_REFUSED), ConnectionFailed and TimedOut.
    """
    origin = _origin(client.policy, scheme, host, port, ports)
    return await client.dialler.resolve(origin)


def require_host_allowed_early(policy: Policy, host: str, port: int, *, ports: frozenset[int] = NO_PORTS) -> None:
    """Refuses what can be refused without a resolver, for whoever stores a host that is connected to later."""
    require_address_allowed(_origin(policy, "", host, port, ports), policy)


def _origin(policy: Policy, scheme: str, host: str, port: int, ports: frozenset[int]) -> Origin:
    if not HOST.fullmatch(host) or not 0 < port <= HIGHEST_PORT:
        raise Refused(refusals.DESTINATION_REFUSED, "Write one host name or address and one port.")
    origin = Origin(scheme, host.removeprefix("[").removesuffix("]"), port, f"{host}:{port}")
    if port not in ports and not policy.allows_port(host, port):
        raise origin.refused(f"may not be called on port {port}")
    return origin
