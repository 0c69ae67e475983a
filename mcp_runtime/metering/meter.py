"""One event for each call: what it was, whose, how it ended, and whether it is billed."""

import time
from collections.abc import Callable

from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.served import ServedEndpoint

OK = "ok"
TOOL_ERROR = "tool_error"
# It ended by asking its client; the call that brings the answers is the one that counts.
INPUT_REQUIRED = "input_required"
FAILED = "failed"
CANCELLED = "cancelled"
REFUSED = "refused:"
# Nothing else is ever billed: not what was refused, nor what failed, whether on our side or the tool's.
BILLABLE = frozenset({OK})

# What names the thing that a method is about. Only these methods are metered.
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
MAXIMUM_NAME = 200
MAXIMUM_KINDS = 4_096
MAXIMUM_COLUMNS_BYTES = 1_024
# How many requests of strangers are written down for an endpoint each second; the rest would only fill its ledger.
STRANGERS_A_SECOND = 20

# PostgreSQL's text form of COPY: a tab ends a column, a line feed a row; text holds no NUL.
_ESCAPES = {0: "\N{REPLACEMENT CHARACTER}", 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\"}


# Tenant, endpoint, principal, method, name, revision, outcome.
type What = tuple[str, str, str, str, str, str, str]


class Meter:
    """Hands one worker's events to its journal, as rows of COPY's text form, and never waits."""

    def __init__(self, append: Callable[[bytes], None]) -> None:
        self._append = append
        self._columns: dict[What, bytes] = {}
        self._strangers: dict[str, int] = {}
        self._second = 0

    def ended(
        self, exchange: Exchange, outcome: str, *, seconds: float, size: tuple[int, int], request_id: str
    ) -> None:
        """A call has ended; `size` is that of its request and its response, in bytes."""
        member = NAMED_BY.get(exchange.method)
        if member is None:
            return
        name = exchange.params.get(member)
        endpoint = exchange.endpoint
        what = (
            endpoint.tenant_id,
            endpoint.endpoint_id,
            exchange.principal.id,
            exchange.method,
            name if type(name) is str else "",
            exchange.revision.version,
            outcome,
        )
        columns = self._columns.get(what) or self._columns_of(what)
        self._append(
            b"%d\t%b%d\t%d\t%d\t%b\n"
            % (time.time_ns() // 1000, columns, seconds * 1e6, size[0], size[1], request_id.encode())
        )

    def turned_away(self, endpoint: ServedEndpoint, code: str) -> None:
        """A request was refused before it was known who asked for what."""
        now = time.time_ns() // 1000
        if not self._has_room(endpoint.endpoint_id, now // 1_000_000):
            return
        whose = (_word(endpoint.tenant_id), _word(endpoint.endpoint_id))
        self._append(b"%d\t%b\t%b\t\t\t\t\t%b\tf\t0\t0\t0\t\n" % (now, *whose, _word(REFUSED + code)))

    def _has_room(self, endpoint_id: str, second: int) -> bool:
        if second != self._second:
            self._second = second
            self._strangers.clear()
        count = self._strangers.get(endpoint_id, 0)
        self._strangers[endpoint_id] = count + 1
        return count < STRANGERS_A_SECOND

    def _columns_of(self, what: What) -> bytes:
        """The columns that all calls of a kind have in common, remembered: the same few kinds come again and again."""
        columns = b"\t".join([*map(_word, what), b"t" if what[-1] in BILLABLE else b"f", b""])
        if len(self._columns) >= MAXIMUM_KINDS:
            self._columns.clear()
        if sum(map(len, what)) <= MAXIMUM_COLUMNS_BYTES:
            self._columns[what] = columns
        return columns


def _word(text: str) -> bytes:
    """A column of COPY's text form."""
    return text[:MAXIMUM_NAME].translate(_ESCAPES).encode(errors="replace")
