"""What DNS says of a domain: TXT records, asked of the machine's resolvers or of those that the operator names."""

import dns.exception
import dns.nameserver
import dns.resolver

from core import environment
from core.environment import BadEnvironment

VARIABLE = "DNS_RESOLVERS"
SECONDS = 5.0
MAXIMUM_RECORDS = 100


class LookupFailed(Exception):
    """DNS did not answer; the message says so, in a sentence."""


def texts_at(name: str) -> list[str]:
    """The TXT records at `name`, each joined from its parts (RFC 1035 section 3.3.14); none where there are none.

    DNS_RESOLVERS names who is asked, as `address:port`. Raises LookupFailed, and BadEnvironment.
    """
    try:
        answer = _resolver().resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        raise LookupFailed(f"DNS did not answer when it was asked for {name}. Try again.") from None
    records = list(answer)[:MAXIMUM_RECORDS]
    return [b"".join(record.strings).decode("ascii", "replace") for record in records]


def _resolver() -> dns.resolver.Resolver:
    named = environment.words(VARIABLE)
    resolver = dns.resolver.Resolver(configure=not named)
    resolver.lifetime = SECONDS
    if named:
        resolver.nameservers = [_nameserver(word) for word in named]
    return resolver


def _nameserver(word: str) -> dns.nameserver.Nameserver:
    address, _, port = word.rpartition(":")
    if not address or not port.isdecimal():
        raise BadEnvironment(f"{VARIABLE}: {word!r} is no address:port.")
    return dns.nameserver.Do53Nameserver(address.strip("[]"), int(port))
