"""Whose authorization server a host is, asked of the database and kept for a moment: strangers may ask at will."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from core import refusals
from core.refusals import Refused
from mcp_runtime.snapshots.database import Database

KEPT_SECONDS = 2.0
MAXIMUM_KEPT = 1_000
MAXIMUM_ASKING = 20


@dataclass(frozen=True, slots=True)
class HostServer:
    """The tenant whose server it is, and whether clients register themselves there."""

    tenant_id: str
    registers: bool


class Servers:
    """`clock` returns seconds that never go back."""

    def __init__(self, database: Database, clock: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, HostServer | None]] = OrderedDict()
        self._asking = 0

    async def of(self, host: str, slug: str) -> HostServer:
        """The server at a host, which is named for the tenant with this slug if there is one.

        Raises Refused: HOST_NOT_ALLOWED for a host that is nobody's, OVERLOADED while too many ask; DatabaseAway.
        """
        until, server = self._kept.get(host, (0.0, None))
        if until <= self._clock():
            server = await self._ask(host, slug)
        if server is None:
            raise Refused(refusals.HOST_NOT_ALLOWED)
        return server

    async def _ask(self, host: str, slug: str) -> HostServer | None:
        if self._asking >= MAXIMUM_ASKING:
            raise Refused(refusals.OVERLOADED)
        self._asking += 1
        try:
            found = await self._database.server_at(host, slug)
        finally:
            self._asking -= 1
        server = HostServer(*found) if found else None
        self._kept[host] = (self._clock() + KEPT_SECONDS, server)
        self._kept.move_to_end(host)
        if len(self._kept) > MAXIMUM_KEPT:
            self._kept.popitem(last=False)
        return server
