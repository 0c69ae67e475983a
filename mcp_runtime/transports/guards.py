"""The guards at the door: Host and Origin allow lists (against DNS rebinding), CORS, media types."""

from urllib.parse import urlsplit

from core import environment, refusals
from core.networks import client_of
from core.refusals import Refused
from mcp_runtime.authorization.bearer import presents_ticket
from mcp_runtime.authorization.dpop import Target
from mcp_runtime.authorization.gates import ServedGate
from mcp_runtime.protocol.headers import (
    ACCEPT,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    FETCH_SITE,
    FORWARDED_FOR,
    HOST,
    ORIGIN,
    PARAMETER_PREFIX,
    PREFLIGHT_HEADERS,
    RawHeaders,
    RequestHeaders,
)
from mcp_runtime.protocol.replies import HeaderList, Reply
from mcp_runtime.protocol.served import ServedEndpoint
from tenants.hosts.addressing import Hosting, is_host_name

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MAXIMUM_SEEN = 256
PREFLIGHT_SECONDS = 600
_METHODS = b"GET, POST, DELETE"
_EXPOSED = b"Mcp-Session-Id, WWW-Authenticate, Retry-After"
_REQUESTABLE = frozenset({
    b"accept", b"authorization", b"content-type", b"dpop", b"last-event-id", b"mcp-method", b"mcp-name",
    b"mcp-protocol-version", b"mcp-session-id",
})  # fmt: skip
_PLAIN = frozenset({b"application/x-www-form-urlencoded", b"text/plain"})
_TYPES = (b"application/json", b"text/event-stream")
_WIDE = {b"application/json": (b"*/*", b"application/*"), b"text/event-stream": (b"*/*", b"text/*")}
# What nearly every client sends, so that it is not taken apart each time.
_USUAL_ACCEPT = frozenset({
    b"application/json, text/event-stream", b"application/json,text/event-stream",
    b"text/event-stream, application/json", b"*/*",
})  # fmt: skip


class Guards:
    """Knows the runtime's public URL and by which host names it may be reached."""

    def __init__(self, runtime_url: str, hosts: list[str], proxies: int = 0, domain: str = "") -> None:
        """`proxies` is how many of them stand before the runtime and say where a request comes from.

        Below `domain` each tenant has a host of its own.
        """
        parts = urlsplit(runtime_url)
        name = _bracketed(parts.hostname or "")
        allowed = {name, *(host.lower() for host in hosts), *(LOOPBACK if name in LOOPBACK else ())}
        self._own_origin = f"{parts.scheme}://{parts.netloc}".lower().encode()
        self.public_url = runtime_url.rstrip("/")
        self.hosting = Hosting(self.public_url, domain)
        self._names = frozenset(host.encode() for host in allowed)
        self._proxies = proxies
        self._seen: set[bytes] = set()  # header values that were found good, so that each is taken apart once

    @classmethod
    def from_environment(cls) -> "Guards":
        """RUNTIME_URL, further names in RUNTIME_HOSTS, TRUSTED_PROXIES and TENANT_DOMAIN."""
        return cls(
            environment.text("RUNTIME_URL", "http://localhost:8100"),
            environment.words("RUNTIME_HOSTS"),
            environment.integer("TRUSTED_PROXIES", 0),
            environment.text("TENANT_DOMAIN", "").lower().strip("."),
        )

    def check_host(self, headers: RequestHeaders) -> None:
        """Raises Refused(HOST_NOT_ALLOWED) for a name that is not the platform's own; its port does not matter."""
        if self.host_in(headers):
            raise Refused(refusals.HOST_NOT_ALLOWED)

    def host_in(self, headers: RequestHeaders) -> str:
        """The host that may be a tenant's, in lower case and without a port; empty for a name of the platform's own.

        Raises Refused(HOST_NOT_ALLOWED) for what can be neither.
        """
        host = headers.get(HOST)
        if HOST in headers.repeated or host is None:
            raise Refused(refusals.HOST_NOT_ALLOWED)
        if host in self._seen:
            return ""
        name = _without_port(host.strip(b" \t").lower()).removesuffix(b".")
        if name in self._names:
            if len(self._seen) < MAXIMUM_SEEN:
                self._seen.add(host)
            return ""
        text = name.decode("latin-1")
        if not is_host_name(text):
            raise Refused(refusals.HOST_NOT_ALLOWED)
        return text

    def url_at(self, host: str, path: str) -> str:
        """The URL of a path at a tenant's host, or where `host` is empty at the platform's."""
        return self.hosting.url(host, path) if host else f"{self.public_url}{path}"

    def target(self, method: str, headers: RequestHeaders, path: str) -> Target:
        """What a request is for, of which its client may have to prove something. Raises Refused."""
        return Target(method, self.url_at(self.host_in(headers), path))

    def check_address(self, gate: ServedGate, peer: str, raw: RawHeaders) -> None:
        """Raises Refused(ADDRESS_NOT_ALLOWED) for a client outside the networks that the tenant named.

        A ticket is presented by the console, which has seen to its member's address.
        """
        networks = gate.networks
        if networks is None or presents_ticket(raw):
            return
        forwarded = ",".join(value.decode("latin-1") for name, value in raw if name.lower() == FORWARDED_FOR)
        if not networks.admit(client_of(peer, forwarded, self._proxies)):
            raise Refused(refusals.ADDRESS_NOT_ALLOWED)

    def cors(self, headers: RequestHeaders, endpoint: ServedEndpoint) -> HeaderList:
        """What a browser's page must be told; raises Refused(ORIGIN_NOT_ALLOWED) for one that may not call."""
        origin = headers.values[ORIGIN].strip(b" \t")
        known = origin.lower() == self._own_origin or origin.lower() in endpoint.allowed_origins
        if ORIGIN in headers.repeated or not known:
            raise Refused(refusals.ORIGIN_NOT_ALLOWED)
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        )


def preflight(headers: RequestHeaders) -> Reply:
    """The answer to a CORS preflight (Fetch, "CORS-preflight request"): no wildcard, so names are echoed."""
    asked = [name.strip().lower() for name in headers.values.get(PREFLIGHT_HEADERS, b"").split(b",")]
    granted = [name for name in asked if name in _REQUESTABLE or name.startswith(PARAMETER_PREFIX)]
    return Reply(
        204,
        b"",
        (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", b", ".join(granted)),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ),
    )


def check_media(headers: RequestHeaders, endpoint: ServedEndpoint) -> None:
    """Raises Refused: NOT_ACCEPTABLE unless both forms of answer are welcome; UNSUPPORTED_MEDIA_TYPE."""
    accept = headers.get(ACCEPT)
    if accept not in _USUAL_ACCEPT and not all(_accepts(accept, media_type) for media_type in _TYPES):
        raise Refused(refusals.NOT_ACCEPTABLE)
    check_content(headers, endpoint)


def check_content(headers: RequestHeaders, endpoint: ServedEndpoint) -> None:
    """Raises Refused(UNSUPPORTED_MEDIA_TYPE) unless the body is plain JSON."""
    content_type = headers.get(CONTENT_TYPE)
    if content_type != b"application/json" and not (_is_json(content_type) or _is_plain(headers, endpoint)):
        raise Refused(refusals.UNSUPPORTED_MEDIA_TYPE)
    encoding = headers.get(CONTENT_ENCODING, b"identity").strip(b" \t").lower()
    if encoding != b"identity" or CONTENT_TYPE in headers.repeated:
        raise Refused(refusals.UNSUPPORTED_MEDIA_TYPE, "Send one body, uncompressed.")


def accepts_events(headers: RequestHeaders) -> bool:
    """Whether a GET asks for an event stream."""
    return _accepts(headers.get(ACCEPT), b"text/event-stream")


def _accepts(accept: bytes | None, media_type: bytes) -> bool:
    """Whether a list of media ranges has this type and does not give it weight 0 (RFC 9110 section 12.5.1)."""
    for item in (accept or b"").lower().split(b","):
        name, *parameters = [part.strip() for part in item.split(b";")]
        refused = any(
            parameter.replace(b" ", b"") in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000") for parameter in parameters
        )
        if not refused and (name == media_type or name in _WIDE[media_type]):
            return True
    return False


def _is_json(content_type: bytes | None) -> bool:
    name, *parameters = [part.strip() for part in (content_type or b"").lower().split(b";")]
    return name == b"application/json" and all(
        parameter in (b"", b"charset=utf-8", b'charset="utf-8"') for parameter in parameters
    )


def _is_plain(headers: RequestHeaders, endpoint: ServedEndpoint) -> bool:
    """Whether a body may be JSON though its type does not say so, as a plain `curl -d` sends it.

    These types are what a page of another site can send without a preflight. Browsers put `Origin` on every such POST
    (Fetch, "append a request Origin header"), and newer ones `Sec-Fetch-Site`, so neither may be there; and the
    endpoint has to be open to all anyway, so that nothing is gained by sending in a visitor's place.
    """
    if not endpoint.is_open or ORIGIN in headers.values or FETCH_SITE in headers.values:
        return False
    return headers.get(CONTENT_TYPE, b"text/plain").split(b";")[0].strip().lower() in _PLAIN


def _bracketed(hostname: str) -> str:
    return f"[{hostname}]" if ":" in hostname else hostname


def _without_port(host: bytes) -> bytes:
    if host.startswith(b"["):
        address, bracket, port = host.partition(b"]")
        return address + bracket if not port or (port[:1] == b":" and port[1:].isdigit()) else b""
    name, colon, port = host.partition(b":")
    return name if not colon or port.isdigit() else b""
