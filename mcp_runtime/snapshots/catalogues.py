"""What tenants list of their endpoints, asked of the database and kept for a moment: strangers may ask at will."""

import time
from collections import OrderedDict
from collections.abc import Callable

from core import refusals
from core.refusals import Refused
from mcp_runtime.snapshots.database import Database

KEPT_SECONDS = 5.0
MAXIMUM_KEPT = 1_000
MAXIMUM_ASKING = 20

type Listed = list[tuple[str, str]]  # slug and name


class Catalogues:
    """`clock` returns seconds that never go back."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Listed]] = OrderedDict()
        self._asking = 0

    async def of(self, tenant_slug: str) -> Listed:
        """The endpoints that the tenant lists; one that is not there lists none.

        Raises DatabaseAway; Refused(OVERLOADED) while too many ask for what is not kept.
        """
        until, listed = self._kept.get(tenant_slug, (0.0, []))
        if until > self._clock():
            return listed
        if self._asking >= MAXIMUM_ASKING:
            raise Refused(refusals.OVERLOADED)
        self._asking += 1
        try:
            listed = await self._database.listed(tenant_slug)
        finally:
            self._asking -= 1
        self._kept[tenant_slug] = (self._clock() + KEPT_SECONDS, listed)
        self._kept.move_to_end(tenant_slug)
        if len(self._kept) > MAXIMUM_KEPT:
            self._kept.popitem(last=False)
        return listed
