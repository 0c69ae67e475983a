"""The heads of requests, and recognising one that came before on the same connection.

Clients keep a connection open and repeat themselves: from one call to the next only the length of the body changes. A
head that is the same byte for byte means the same, so it is not parsed again, and what was found out about it stands
for as long as the endpoint is served as it was.
"""

import re

from mcp_runtime.protocol.headers import RawHeaders, RequestHeaders
from mcp_runtime.protocol.scene import Scene

MAXIMUM_HEAD_BYTES = 4 * 1024
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,5})(?=\r\n)", re.IGNORECASE)
_LENGTH_DIGITS = 5


class RequestHead:
    """Path and headers of a POST, and the address that its connection comes from.

    `scene` is what they were found to mean, once that was asked; `host` the tenant's host that they were found to name.
    """

    __slots__ = ("headers", "host", "path", "peer", "raw", "scene")

    def __init__(self, path: str, raw: RawHeaders, peer: str = "") -> None:
        self.path = path
        self.peer = peer
        self.raw = raw
        self.headers = RequestHeaders(raw)
        self.scene: Scene | None = None
        self.host = ""


class KnownHead:
    """A head as it came, which recognises itself whatever the length of its body."""

    __slots__ = ("_after", "_before", "head")

    def __init__(self, head: RequestHead, before: bytes, after: bytes) -> None:
        self.head = head
        self._before = before
        self._after = after

    @classmethod
    def of(cls, message: bytes, head: RequestHead) -> "KnownHead | None":
        """The head of a whole message, which was parsed as `head`; None where its length cannot be told apart."""
        end = message.find(_END, 0, MAXIMUM_HEAD_BYTES)
        lengths = list(_LENGTH.finditer(message, 0, end + 2)) if end > 0 else []
        if len(lengths) != 1 or len(message) != end + len(_END) + int(lengths[0][1]):
            return None
        start, stop = lengths[0].span(1)
        return cls(head, message[:start], message[stop : end + len(_END)])

    def body_in(self, data: bytes) -> bytes | None:
        """The body, if `data` is one whole message with this head."""
        if not data.startswith(self._before):
            return None
        start = len(self._before)
        stop = data.find(b"\r", start, start + _LENGTH_DIGITS + 1)
        digits = data[start:stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(self._after, stop):
            return None
        body = data[stop + len(self._after) :]
        return body if len(body) == int(digits) else None
