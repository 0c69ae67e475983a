"""URLs at tenants' own host names. Without Django: console and workers take them apart alike."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

# What every transport's address ends with: Streamable HTTP; HTTP+SSE, and where its clients post to; WebSocket.
TRANSPORTS = ("mcp", "sse", "messages", "ws")
PREVIEW = "preview"
LONGEST_NAME = 253  # RFC 1035 section 2.3.4, without the final dot
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class At:
    """What a path at a tenant's host means. `endpoint` is a slug, or empty for the one that is at the host itself."""

    endpoint: str
    is_preview: bool
    transport: str


@dataclass(frozen=True, slots=True)
class Hosting:
    """Where tenants' hosts are: with the scheme and the port of `runtime_url`, and the platform's own below `domain`.

    Without a domain tenants have no hosts but those that they bring along.
    """

    runtime_url: str
    domain: str = ""

    def url(self, host: str, path: str = "") -> str:
        """The URL of a path at a host."""
        parts = urlsplit(self.runtime_url)
        port = f":{parts.port}" if parts.port is not None else ""
        return f"{parts.scheme}://{host}{port}{path}"

    def host_of(self, slug: str) -> str:
        """The host of the tenant with this slug; empty where tenants have none."""
        return f"{slug}.{self.domain}" if self.domain else ""

    def slug_at(self, host: str) -> str:
        """The slug of the tenant that a host below the domain is named for; empty for other hosts."""
        label = host.removesuffix(f".{self.domain}") if self.domain else host
        return label if label != host and _SLUG.fullmatch(label) else ""

    def is_below(self, host: str) -> bool:
        """Whether a host is the platform's domain or below it, and so nobody's to bring along."""
        return bool(self.domain) and (host == self.domain or host.endswith(f".{self.domain}"))

    def split(self, url: str) -> tuple[str, str] | None:
        """Host and path of a URL at a host that may be a tenant's; None for any other (RFC 8707 section 2)."""
        try:
            parts, own = urlsplit(url), urlsplit(self.runtime_url)
            same = (parts.scheme, parts.port) == (own.scheme, own.port)
        except ValueError:
            return None
        host = parts.hostname or ""
        if not same or "@" in parts.netloc or "?" in url or "#" in url or not is_host_name(host):
            return None
        return host, parts.path


def is_host_name(text: str) -> bool:
    """Whether a lower-case text is a host name of at least two labels, and no address (RFC 1123 section 2.1)."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def at(path: str, *, is_tenants: bool) -> At | None:
    """What a path means at a tenant's host below the domain, or else at a host of one endpoint; None for nothing.

    At the former one step is an endpoint's slug, whatever it is called.
    """
    root, *steps, transport = path.split("/") if path.count("/") else ("-", "")
    if root or transport not in TRANSPORTS:
        return None
    if not is_tenants:
        return At("", steps == [PREVIEW], transport) if steps in ([], [PREVIEW]) else None
    endpoint, *rest = steps or [""]
    if rest not in ([], [PREVIEW]) or (steps and not _SLUG.fullmatch(endpoint)):
        return None
    return At(endpoint, bool(rest), transport)
