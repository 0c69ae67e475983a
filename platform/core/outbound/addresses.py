"""Which network addresses are public: everything that the registries of special-purpose addresses do not name."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

type Address = IPv4Address | IPv6Address

# Global by the registries (RFC 6890), and yet nobody's public server.
NOT_PUBLIC_IPV4 = (
    IPv4Network("0.0.0.0/8"),  # this host (RFC 1122 section 3.2.1.3)
    IPv4Network("168.63.129.16/32"),  # Azure's wire server: metadata and credentials of the machine
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments; also Oracle's metadata (192.0.0.192)
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
)
# Unicast that is routed (RFC 4291 section 2.4); all else (mapped, compatible, unique local, …) is not.
ROUTED_IPV6 = IPv6Network("2000::/3")
NOT_PUBLIC_IPV6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them: an IPv4 address inside (RFC 4380)
    IPv6Network("2001:db8::/32"),  # documentation (RFC 3849)
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside (RFC 3056)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
# A network with DNS64 reaches every IPv4 server through this prefix (RFC 6052 section 2.1).
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether a request may go to `address` without an operator having allowed it."""
    if isinstance(address, IPv6Address):
        return _is_public_ipv6(address)
    return address.is_global and not address.is_multicast and not any(address in net for net in NOT_PUBLIC_IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in ROUTED_IPV6 and address.is_global and not any(address in net for net in NOT_PUBLIC_IPV6)


def parse(text: str) -> Address | None:
    """The address that `text` spells in canonical form, or None when it is a name."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def parse_loosely(text: str) -> Address | None:
    """The address that resolvers make of `text` without asking anybody: 2852039166, 0x7f.1 and 10.0.0.1. are some."""
    try:
        return parse(text.removesuffix(".")) or IPv4Address(socket.inet_aton(text.removesuffix(".")))
    except (OSError, ValueError):
        return None
