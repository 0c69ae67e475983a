"""Redirect URIs: which may be registered, and whether one that is asked for is registered (OAuth 2.1 section 2.3)."""

import re
from urllib.parse import SplitResult, urlsplit

MAXIMUM_CHARACTERS = 2048
MAXIMUM_URIS = 20
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Schemes that a browser opens by itself: what stands in such a URI would run or be shown as if it were ours.
_REFUSED_SCHEMES = frozenset(
    {"about", "blob", "chrome", "data", "file", "filesystem", "ftp", "jar", "javascript", "mailto", "tel"}
    | {"vbscript", "view-source", "ws", "wss"}
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def problem(uri: str) -> str:
    """Why `uri` cannot be registered; empty where it can: https, http on this machine, or an app's own scheme."""
    parts = _parts(uri)
    if parts is None or "#" in uri:
        return "A redirect URI is an absolute URL without a fragment."
    if parts.username is not None or parts.password is not None:
        return "A redirect URI names no user."
    if parts.scheme in {"http", "https"} and not parts.hostname:
        return "A redirect URI names a host."
    if parts.scheme == "http" and not is_loopback(uri):
        return "Over http a redirect URI leads to this machine alone. Use https."
    if parts.scheme in _REFUSED_SCHEMES or _SCHEME.fullmatch(parts.scheme) is None:
        return f"A redirect URI has another scheme than {parts.scheme[:20]}."
    return ""


def matches(registered: str, asked: str) -> bool:
    """Whether `asked` is `registered`, character by character; on this machine its port may differ (RFC 8252, 7.3)."""
    if asked == registered:
        return True
    one, other = _parts(registered), _parts(asked)
    if one is None or other is None or not (is_loopback(registered) and is_loopback(asked)):
        return False
    return _without_port(registered, one) == _without_port(asked, other)


def is_loopback(uri: str) -> bool:
    """Whether a redirect stays on the person's machine, where any program may take it."""
    parts = _parts(uri)
    return parts is not None and parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def destination(uri: str) -> str:
    """Where a redirect leads, in a word for the person who is asked: the host, or an app's scheme."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def _parts(uri: str) -> SplitResult | None:
    """The parts of a URI that is written as one; None for anything that somebody could read in two ways."""
    if not 0 < len(uri) <= MAXIMUM_CHARACTERS or not uri.isascii() or not uri.isprintable():
        return None
    if any(character in uri for character in ' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(uri)
        _port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme else None


def _without_port(uri: str, parts: SplitResult) -> str:
    port = f":{parts.port}" if parts.port is not None else ""
    lead = f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}://{parts.netloc.removesuffix(port)}{uri.removeprefix(lead)}"
