"""The headers of a request that the runtime looks at, read in one pass over the raw list."""

from collections.abc import Iterable

ACCEPT = b"accept"
AUTHORIZATION = b"authorization"
CONTENT_ENCODING = b"content-encoding"
CONTENT_LENGTH = b"content-length"
CONTENT_TYPE = b"content-type"
HOST = b"host"
ORIGIN = b"origin"
PREFLIGHT_METHOD = b"access-control-request-method"
PREFLIGHT_HEADERS = b"access-control-request-headers"
MCP_METHOD = b"mcp-method"
MCP_NAME = b"mcp-name"
PROTOCOL_VERSION = b"mcp-protocol-version"
SESSION_ID = b"mcp-session-id"
PARAMETER_PREFIX = b"mcp-param-"

_KNOWN = frozenset({
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, PREFLIGHT_METHOD,
    PREFLIGHT_HEADERS, MCP_METHOD, MCP_NAME, PROTOCOL_VERSION, SESSION_ID,
})  # fmt: skip
_LISTS = frozenset({ACCEPT, CONTENT_ENCODING, PREFLIGHT_HEADERS})  # may be sent in several lines (RFC 9110 section 5.3)


class RequestHeaders:
    """The known headers by lower-case name, those that came twice, and the `Mcp-Param-*` ones.

    Values are trimmed (RFC 9110 section 5.5); of a repeated one the first stands.
    """

    __slots__ = ("get", "parameters", "repeated", "values")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.values: dict[bytes, bytes] = {}
        self.repeated: set[bytes] = set()
        self.parameters: dict[bytes, bytes] = {}
        self.get = self.values.get
        for name, value in raw:
            if name in _KNOWN:
                if name in self.values:
                    self._repeat(name, value)
                else:
                    self.values[name] = value.strip(b" \t")
            elif name.startswith(PARAMETER_PREFIX):
                self._add_parameter(name, value)

    def _repeat(self, name: bytes, value: bytes) -> None:
        if name in _LISTS:
            self.values[name] += b", " + value.strip(b" \t")
        else:
            self.repeated.add(name)

    def _add_parameter(self, name: bytes, value: bytes) -> None:
        if name in self.parameters:
            self.repeated.add(name)
        self.parameters[name] = value.strip(b" \t")
