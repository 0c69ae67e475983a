"""The headers of a request, from the raw list: a mapping alone would hide the ones that come twice."""

from collections import Counter
from collections.abc import Sequence

ACCEPT = b"accept"
AUTHORIZATION = b"authorization"
CONTENT_ENCODING = b"content-encoding"
CONTENT_LENGTH = b"content-length"
CONTENT_TYPE = b"content-type"
FETCH_SITE = b"sec-fetch-site"
FORWARDED_FOR = b"x-forwarded-for"
HOST = b"host"
IF_NONE_MATCH = b"if-none-match"
ORIGIN = b"origin"
PROOF = b"dpop"
PREFLIGHT_METHOD = b"access-control-request-method"
PREFLIGHT_HEADERS = b"access-control-request-headers"
LAST_EVENT_ID = b"last-event-id"
MCP_METHOD = b"mcp-method"
MCP_NAME = b"mcp-name"
PROTOCOL_VERSION = b"mcp-protocol-version"
SESSION_ID = b"mcp-session-id"
PARAMETER_PREFIX = b"mcp-param-"

_LISTS = frozenset({ACCEPT, CONTENT_ENCODING, PREFLIGHT_HEADERS})  # may be sent in several lines (RFC 9110 section 5.3)
_NONE: frozenset[bytes] = frozenset()

type RawHeaders = Sequence[tuple[bytes, bytes]]


class RequestHeaders:
    """The headers by lower-case name, and the names that came twice, of which the last value stands.

    `get` returns a value as it came; whoever compares one allows for white space around it (`says`).
    """

    __slots__ = ("get", "repeated", "values")

    def __init__(self, raw: RawHeaders) -> None:
        self.values = dict(raw)
        self.get = self.values.get
        self.repeated = _NONE if len(self.values) == len(raw) else _merge(raw, self.values)

    def text(self, name: bytes) -> str | None:
        """A value as text, trimmed; None where there is none."""
        value = self.get(name)
        return None if value is None else value.decode("latin-1").strip(" \t")

    def says(self, name: bytes, expected: bytes) -> bool:
        """Whether the header is there and has this value, white space around it aside (RFC 9110 section 5.5)."""
        value = self.get(name)
        return value == expected or (value is not None and value.strip(b" \t") == expected)


def _merge(raw: RawHeaders, values: dict[bytes, bytes]) -> frozenset[bytes]:
    """Joins lists that came in several lines; returns what else came twice."""
    counts = Counter(name for name, _ in raw)
    repeated = {name for name, count in counts.items() if count > 1}
    for name in repeated & _LISTS:
        values[name] = b", ".join([value for other, value in raw if other == name])
    return frozenset(repeated - _LISTS)
