"""Where requests may go: public addresses on sensible ports, and what the operator allows besides."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from core import environment
from core.environment import BadEnvironment
from core.outbound import addresses

VARIABLE = "OUTBOUND_ALLOW"
SCHEMES = frozenset({"http", "https"})
HIGHEST_PORT = 65_535
FIRST_UNPRIVILEGED_PORT = 1024
WEB_PORTS = frozenset({80, 443})
# Services that act on text sent to them: the unprivileged ones of the Fetch standard's blocked ports, and databases.
REFUSED_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
    | {1433, 1521, 2375, 2379, 3306, 5432, 6379, 9042, 9200, 10250, 11211, 27017}
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator allows beyond public addresses: origins (`host`, port) and networks."""

    origins: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def allows_port(self, host: str, port: int) -> bool:
        """Whether the port of a URL may be used on this host."""
        if port in WEB_PORTS or (FIRST_UNPRIVILEGED_PORT <= port <= HIGHEST_PORT and port not in REFUSED_PORTS):
            return True
        return (canonical(host), port) in self.origins

    def allows_dial(self, host: str, address: str, port: int) -> bool:
        """Whether a connection for a URL's `host` may be opened to `address`, which it resolved to just now."""
        parsed = addresses.parse(address)
        if parsed is None:
            return False
        if addresses.is_public(parsed) or (canonical(host), port) in self.origins:
            return True
        return any(parsed in network for network in self.networks)


def canonical(host: str) -> str:
    """A host name as it is compared: lower case, no final dot, an address in its one spelling."""
    host = host.lower().removesuffix(".")
    address = addresses.parse(host)
    return host if address is None else str(address)


def policy_from_environment() -> Policy:
    """The policy that OUTBOUND_ALLOW describes: `host:port`, `[v6]:port` and networks; raises BadEnvironment."""
    origins: set[tuple[str, int]] = set()
    networks: list[IPv4Network | IPv6Network] = []
    for word in environment.words(VARIABLE):
        host, colon, port = word.rpartition(":")
        if colon and port.isdecimal() and (host.endswith("]") or ":" not in host) and "/" not in word:
            origins.add((canonical(host), int(port)))
        else:
            networks.append(_network(word))
    return Policy(frozenset(origins), tuple(networks))


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(word)
    except ValueError:
        raise BadEnvironment(f"{VARIABLE}: {word!r} is neither host:port nor a network.") from None
