"""A request written out as HTTP/1.1: what a caller gives can add nothing to it but the headers that it names."""

import re
from collections.abc import Mapping

from core import refusals
from core.outbound.decoding import ACCEPTED
from core.outbound.destination import Destination
from core.refusals import Refused

# RFC 9110 sections 5.1 and 5.5, without what is not ASCII.
FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*\r\n)*")
# Those that say where a message ends, whom it is for and what the connection does: ours alone.
OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)
DEFAULTS = {"user-agent": "User-Agent: armstrong\r\n", "accept": "Accept: */*\r\n"}
# RFC 9110 section 8.6: all others say that they have no body.
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def written(method: str, destination: Destination, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The request's bytes. Raises Refused for a header that cannot be sent, or is not the caller's to set."""
    names = {name.lower() for name in headers}
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    # Counted as well, since a value could hold the end of its line and another header.
    if not OURS.isdisjoint(names) or fields.count("\n") != len(headers) or FIELDS.fullmatch(fields) is None:
        raise Refused(refusals.DESTINATION_REFUSED, "A header cannot be sent, or is not a request's to set.")
    size = "" if body is None and method in WITHOUT_BODY else f"Content-Length: {len(body or b'')}\r\n"
    further = "".join([field for name, field in DEFAULTS.items() if name not in names])
    head = (
        f"{method} {destination.target} HTTP/1.1\r\nHost: {destination.origin.authority}\r\n"
        f"Accept-Encoding: {ACCEPTED}\r\n{further}{fields}{size}\r\n"
    )
    return head.encode("ascii") + (body or b"")
