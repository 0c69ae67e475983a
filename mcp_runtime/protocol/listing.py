"""Lists in pages: entries encoded once, in order of name, and cursors that hold whatever changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import cursors
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.served import Principal

PAGE = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of one kind that an endpoint offers, sorted by what `names` holds.

    `member` is what a result calls them: "tools", "prompts", "resources", "resourceTemplates", "skills".
    """

    member: str
    endpoint_id: str
    names: Sequence[str]
    entries: Sequence[bytes]

    def page(
        self, principal: Principal, cursor: object, visible: Callable[[str], bool], annotations: dict[str, Any]
    ) -> tuple[bytes, bool]:
        """The encoded page after `cursor` (None: the first), and whether that is the whole list.

        Raises RpcError(INVALID_PARAMS) for a cursor of another list, endpoint or principal.
        """
        start = 0 if cursor is None else bisect_right(self.names, cursors.read(cursor, self._scope, principal.id))
        chosen = [index for index in range(start, len(self.names)) if visible(self.names[index])]
        shown, more = chosen[:PAGE], len(chosen) > PAGE
        members: dict[str, Any] = {}
        if more:
            members["nextCursor"] = cursors.mint(self._scope, principal.id, self.names[shown[-1]])
        members |= annotations
        tail = b"," + encode(members)[1:] if members else b"}"
        items = b",".join([self.entries[index] for index in shown])
        return b'{"%b":[%b]%b' % (self.member.encode(), items, tail), start == 0 and not more

    def entry(self, name: str) -> bytes | None:
        """The entry of that name, if there is one."""
        index = bisect_left(self.names, name)
        return self.entries[index] if index < len(self.names) and self.names[index] == name else None

    @property
    def _scope(self) -> str:
        """What a cursor of this list is good for."""
        return f"{self.endpoint_id}/{self.member}"
