"""Leases in PostgreSQL: workers borrow blocks of a tenant's connections and requests, never more than there are.

The tenant's row is locked meanwhile, so that what all workers hold together never exceeds the limit. Blocks become
smaller as a limit comes nearer, so that little of it lies idle at one worker while another needs it.
"""

from typing import Any

import msgspec

from billing.plans import plan_of
from mcp_runtime.lines import ENTER, Connection, Line

LEASE_SECONDS = 30
BLOCK = 64
BURST_SECONDS = 10
# Of a second's worth of requests: so many times a second a worker under full load comes back for more.
REFILLS_PER_SECOND = 10

_PLAN = "SELECT plan, connection_limit FROM tenants_tenant WHERE id = %s FOR NO KEY UPDATE"
_EXPIRE = "DELETE FROM mcp_runtime_connectionlease WHERE tenant_id = %s AND expires_at <= now() AND worker <> %s"
_OTHERS = """
    SELECT coalesce(sum(slots), 0)::bigint FROM mcp_runtime_connectionlease WHERE tenant_id = %s AND worker <> %s
"""
_TAKE = """
    INSERT INTO mcp_runtime_connectionlease (tenant_id, worker, slots, expires_at)
    VALUES (%s, %s, %s, now() + %s * interval '1 s')
    ON CONFLICT (tenant_id, worker) DO UPDATE SET slots = excluded.slots, expires_at = excluded.expires_at
"""
_OPEN_BUDGET = """
    INSERT INTO mcp_runtime_requestbudget (tenant_id, tokens, refilled_at) VALUES (%s, %s, now()) ON CONFLICT DO NOTHING
"""
_REFILL = """
    UPDATE mcp_runtime_requestbudget SET refilled_at = now(),
           tokens = least(%(burst)s, tokens + extract(epoch FROM now() - refilled_at) * %(rate)s)
    WHERE tenant_id = %(tenant)s RETURNING tokens
"""
_SPEND = "UPDATE mcp_runtime_requestbudget SET tokens = tokens - %s WHERE tenant_id = %s"
_OPEN_CALLS = """
    INSERT INTO mcp_runtime_callbudget (tenant_id, name, tokens, refilled_at)
    VALUES (%(tenant)s, %(name)s, %(burst)s, now()) ON CONFLICT DO NOTHING
"""
_REFILL_CALLS = """
    UPDATE mcp_runtime_callbudget SET refilled_at = now(),
           tokens = least(%(burst)s, tokens + extract(epoch FROM now() - refilled_at) * %(burst)s / 60.0)
    WHERE tenant_id = %(tenant)s AND name = %(name)s RETURNING tokens
"""
_MOVE_CALLS = "UPDATE mcp_runtime_callbudget SET tokens = tokens + %s WHERE tenant_id = %s AND name = %s"
_RENEW = """
    UPDATE mcp_runtime_connectionlease SET expires_at = now() + %s * interval '1 s'
    WHERE worker = %s AND expires_at > now() RETURNING tenant_id::text
"""
_RETURN = "DELETE FROM mcp_runtime_connectionlease WHERE worker = %s"


class Need(msgspec.Struct, frozen=True):
    """What a worker has open for a tenant, how much more it would like to open, and whether it lacks requests."""

    in_use: int
    more: int
    requests: bool


class Loan(msgspec.Struct, frozen=True):
    """What it got: connections in all, and further requests; None means as many as it likes."""

    slots: int | None
    requests: float | None


class Leases:
    """The leases of one worker. Each method raises DatabaseAway."""

    def __init__(self, url: str, worker: str) -> None:
        self._line = Line(url)
        self._worker = worker

    async def close(self) -> None:
        """Closes its connection."""
        await self._line.close()

    async def borrow(self, tenant_id: str, need: Need) -> Loan:
        """Replaces what the worker holds of a tenant's connections, and lends requests where they are needed."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            row = await (await connection.execute(_PLAN, (tenant_id,))).fetchone()
            if row is None:
                return Loan(0, 0.0)
            plan = plan_of(row[0])
            limit = plan.connections if row[1] is None else row[1]
            slots = None if limit is None else await self._slots(connection, tenant_id, limit, need)
            rate = plan.requests_per_second
            requests = None if rate is None else await _requests(connection, tenant_id, rate) if need.requests else 0.0
            return Loan(slots, requests)

    async def _slots(self, connection: Connection, tenant_id: str, limit: int, need: Need) -> int:
        await connection.execute(_EXPIRE, (tenant_id, self._worker))
        row = await (await connection.execute(_OTHERS, (tenant_id, self._worker))).fetchone()
        free = limit - (row[0] if row else 0) - need.in_use
        # What is open stays open, also where the limit was lowered below it: it is counted, and no more is lent.
        slots = need.in_use + max(0, min(need.more, free, max(1, min(BLOCK, free // 4))))
        await connection.execute(_TAKE, (tenant_id, self._worker, slots, LEASE_SECONDS))
        return slots

    async def lend_calls(self, tenant_id: str, name: str, per_minute: int, portion: int) -> float:
        """Lends at most `portion` calls out of the bucket `name`, which holds a minute's and fills evenly."""
        named: dict[str, Any] = {"tenant": tenant_id, "name": name, "burst": per_minute}
        async with self._line.transaction() as connection:
            await connection.execute(_OPEN_CALLS, named)
            row = await (await connection.execute(_REFILL_CALLS, named)).fetchone()
            lent = float(int(max(0.0, min(row[0] if row else 0.0, portion))))
            await connection.execute(_MOVE_CALLS, (-lent, tenant_id, name))
            return lent

    async def return_calls(self, tenant_id: str, name: str, calls: float) -> None:
        """Puts calls that were lent and not made back into their bucket."""
        async with self._line.transaction() as connection:
            await connection.execute(_MOVE_CALLS, (calls, tenant_id, name))

    async def renew(self) -> frozenset[str]:
        """Keeps what the worker holds for another while; the tenants of whom it still holds anything."""
        async with self._line.transaction() as connection:
            rows = await (await connection.execute(_RENEW, (LEASE_SECONDS, self._worker))).fetchall()
        return frozenset(row[0] for row in rows)

    async def give_back(self) -> None:
        """Returns everything."""
        async with self._line.transaction() as connection:
            await connection.execute(_RETURN, (self._worker,))


async def _requests(connection: Connection, tenant_id: str, rate: int) -> float:
    burst = rate * BURST_SECONDS
    named: dict[str, Any] = {"tenant": tenant_id, "rate": rate, "burst": burst}
    await connection.execute(_OPEN_BUDGET, (tenant_id, burst))
    row = await (await connection.execute(_REFILL, named)).fetchone()
    lent = max(0.0, min(row[0] if row else 0.0, max(float(BLOCK), rate / REFILLS_PER_SECOND)))
    lent = float(int(lent))  # a request costs a whole one
    await connection.execute(_SPEND, (lent, tenant_id))
    return lent
