"""Lists of IP networks, and the address that a request comes from behind proxies. Without Django."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAPPED_BITS = 96  # RFC 4291 section 2.5.5.2


@dataclass(frozen=True, slots=True)
class Networks:
    """Addresses that are let in: those in any of `allowed`."""

    allowed: tuple[Network, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Networks":
        """Raises ValueError, with a sentence, for a text that is no address and no network (CIDR, RFC 4632)."""
        return cls(tuple(network_of(text) for text in texts))

    def admit(self, address: str) -> bool:
        """Whether an address is in the list; False for what is none."""
        found = address_of(address)
        return found is not None and any(found in network for network in self.allowed)


def network_of(text: str) -> Network:
    """A network, or an address as a network of one; IPv4 written as IPv6 is IPv4. Raises ValueError with a sentence."""
    if "%" in text:
        raise ValueError(f"{text}: a network has no zone.")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(_complaint(text)) from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        return network if mapped is None else ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def address_of(text: str) -> Address | None:
    """An address, IPv4 where it is IPv4 written as IPv6, without its zone; None for what is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def client_of(peer: str, forwarded: str, proxies: int) -> str:
    """The client's address, without what clients can make up.

    Each proxy appends the address that it was called from to X-Forwarded-For (`forwarded`), so that the one which our
    outermost proxy saw is `proxies` from the end; where there are none, `peer` is the client.
    """
    told = forwarded.split(",") if proxies else []
    return told[-proxies].strip() if len(told) >= proxies > 0 else peer


def _complaint(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{text} is no IP address and no network such as 192.0.2.0/24 or 2001:db8::/32."
    return f"{text} is inside a network: write {meant} for all of it."
