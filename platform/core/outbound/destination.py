"""Where a request goes: an absolute URL, checked and taken apart."""

import re
from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

from core import refusals
from core.outbound import addresses
from core.outbound.policy import SCHEMES, Policy
from core.refusals import Refused

# RFC 3986 appendix B, without the fragment, which is never sent.
PARTS = re.compile(r"(?P<origin>[^:/?#]+://[^/?#]*)(?P<target>[^#]*)")


@dataclass(frozen=True, slots=True)
class Origin:
    """One server: `host` as the URL spells it (an IPv6 address without its brackets), `authority` for `Host`."""

    scheme: str
    host: str
    port: int
    authority: str

    @property
    def is_encrypted(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "https"

    def refused(self, why: str) -> Refused:
        """The refusal of this destination, for a reason that is fit to show."""
        return Refused(refusals.DESTINATION_REFUSED, f"{self.host} {why}.")


@dataclass(frozen=True, slots=True)
class Destination:
    """An origin, and what is asked of it: `target` is the path and query as they are sent."""

    origin: Origin
    target: str

    def joined(self, location: str) -> "Destination":
        """Where a `Location` leads from here (RFC 9110 section 10.2.2). Raises Refused."""
        here = URL(f"{self.origin.scheme}://{self.origin.authority}{self.target}", encoded=True)
        try:
            return parse(str(here.join(URL(location))))
        except ValueError:
            raise self.origin.refused("redirects to an invalid address") from None


def parse(url: str) -> Destination:
    """`url` taken apart as it stands. Raises Refused(DESTINATION_REFUSED) unless it is absolute, printable ASCII."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused(refusals.DESTINATION_REFUSED, "The URL holds characters that must be percent-encoded.")
    parts = PARTS.match(url)
    if parts is None:
        raise Refused(refusals.DESTINATION_REFUSED, "Only http and https URLs can be requested.")
    target = parts["target"]
    return Destination(_origin(parts["origin"]), target if target.startswith("/") else f"/{target}")


@lru_cache(maxsize=4096)
def _origin(url: str) -> Origin:
    try:
        parsed = URL(url, encoded=True)
        port = parsed.port
    except ValueError:
        raise Refused(refusals.DESTINATION_REFUSED, "The URL is not valid.") from None
    if parsed.scheme not in SCHEMES:
        raise Refused(refusals.DESTINATION_REFUSED, "Only http and https URLs can be requested.")
    host = parsed.raw_host
    if not host or parsed.raw_user is not None or parsed.raw_password is not None or "@" in url:
        raise Refused(refusals.DESTINATION_REFUSED, "A URL names a host, and no user or password.")
    return Origin(parsed.scheme, host, port or 0, _authority(parsed, host))


def _authority(url: URL, host: str) -> str:
    written = f"[{host}]" if ":" in host else host.removesuffix(".")
    return written if url.is_default_port() else f"{written}:{url.port}"


def require_allowed(origin: Origin, policy: Policy) -> None:
    """Raises Refused(DESTINATION_REFUSED) unless the port may be used; addresses are checked when they are dialled."""
    if not policy.allows_port(origin.host, origin.port):
        raise origin.refused(f"may not be called on port {origin.port}")


def require_allowed_early(url: str, policy: Policy) -> None:
    """Refuses what can be refused without a resolver, for whoever stores a URL that is requested later."""
    origin = parse(url).origin
    require_allowed(origin, policy)
    require_address_allowed(origin, policy)


def require_address_allowed(origin: Origin, policy: Policy) -> None:
    """Raises Refused(DESTINATION_REFUSED) for a host that is an address, in any spelling, and not an allowed one."""
    address = addresses.parse_loosely(origin.host)
    if address is not None and not policy.allows_dial(origin.host, str(address), origin.port):
        raise origin.refused("is not a public address")
