"""Leases in PostgreSQL: workers borrow blocks of a tenant's connections and requests, never more than there are.

The tenant's entitlement is locked meanwhile, so that what all workers hold together never exceeds the limit. Blocks
become smaller as a limit comes nearer, so that little of it lies idle at one worker while another needs it.
"""

import math
from typing import Any

import msgspec

from mcp_runtime.lines import ENTER, Connection, Line

LEASE_SECONDS = 30
BLOCK = 64
BURST_SECONDS = 10
# Where a plan sets no rate and yet so many a month, the bucket holds as many as nobody asks.
UNMETERED_RATE = 10_000_000
# Of a second's worth of requests: so many times a second a worker under full load comes back for more.
REFILLS_PER_SECOND = 10

_ENTITLED = """
    SELECT connections, requests_per_second, requests,
           CASE WHEN calls_until > now() THEN calls_left END
    FROM billing_entitlement WHERE tenant_id = %s FOR NO KEY UPDATE
"""
_LEND_CALLS = """
    UPDATE billing_entitlement SET calls_left = calls_left - %s, calls_lent_at = now() WHERE tenant_id = %s
"""
_EXPIRE = "DELETE FROM mcp_runtime_connectionlease WHERE tenant_id = %s AND expires_at <= now() AND worker <> %s"
_OTHERS = """
    SELECT coalesce(sum(slots), 0)::bigint FROM mcp_runtime_connectionlease WHERE tenant_id = %s AND worker <> %s
"""
_TAKE = """
    INSERT INTO mcp_runtime_connectionlease (tenant_id, worker, slots, expires_at)
    VALUES (%s, %s, %s, now() + %s * interval '1 s')
    ON CONFLICT (tenant_id, worker) DO UPDATE SET slots = excluded.slots, expires_at = excluded.expires_at
"""
_MONTH = "date_trunc('month', now() AT TIME ZONE 'UTC')::date"
_OPEN_BUDGET = f"""
    INSERT INTO mcp_runtime_requestbudget (tenant_id, tokens, refilled_at, month, spent)
    VALUES (%(tenant)s, %(burst)s, now(), {_MONTH}, 0) ON CONFLICT DO NOTHING
"""  # noqa: S608  of constants
_REFILL = f"""
    UPDATE mcp_runtime_requestbudget SET refilled_at = now(), month = {_MONTH},
           spent = CASE month WHEN {_MONTH} THEN spent ELSE 0 END,
           tokens = least(%(burst)s, tokens + extract(epoch FROM now() - refilled_at) * %(rate)s)
    WHERE tenant_id = %(tenant)s RETURNING tokens, spent
"""  # noqa: S608  of constants
_SPEND = """
    UPDATE mcp_runtime_requestbudget SET tokens = tokens - %(lent)s, spent = spent + %(lent)s::bigint
    WHERE tenant_id = %(tenant)s
"""
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


# What would lift a limit: the cheapest other plan whose latest version on sale allows more, those by agreement last; a
# plan that is not paid for counts as another. The tenant's own spending cap is no plan's.
_LIFTED = """
    SELECT tenant.slug, (
        SELECT plan.name FROM (
            SELECT DISTINCT ON (name) * FROM billing_planversion
            WHERE sold_from <= now() AND (sold_until IS NULL OR sold_until > now()) ORDER BY name, version DESC
        ) AS plan
        WHERE %(limit)s <> 'spending_cap' AND (plan.id <> held.plan_id OR held.standing = 'lapsed') AND coalesce(
            CASE %(limit)s WHEN 'connections' THEN plan.connections WHEN 'requests' THEN plan.requests
                           ELSE plan.requests_per_second END, 'Infinity'::float8
        ) > %(allowed)s
        ORDER BY plan.monthly_price_cents NULLS LAST LIMIT 1
    ) FROM tenants_tenant AS tenant JOIN billing_entitlement AS held ON held.tenant_id = tenant.id
    WHERE tenant.id = %(tenant)s
"""


class Limited(msgspec.Struct, frozen=True):
    """What a loan was in vain for: the limit by its name in an entitlement, and how many it allows.

    `lifted_by` names the cheapest plan on sale that allows more, and `slug` the tenant.
    """

    limit: str
    allowed: int
    lifted_by: str | None
    slug: str


class Need(msgspec.Struct, frozen=True):
    """What a worker has open for a tenant, how much more it would like to open, and whether it lacks requests, or calls
    that may be billed."""

    in_use: int
    more: int
    requests: bool
    calls: bool = False


class Loan(msgspec.Struct, frozen=True):
    """What it got: connections in all, and further requests; None means as many as it likes.

    `is_spent` says that the month's requests are, and not those of the moment. `calls` may be billed before the
    tenant's spending cap is reached; None where it has none.
    """

    slots: int | None
    requests: float | None
    is_spent: bool = False
    calls: float | None = None
    limited: tuple[Limited, ...] = ()


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
            row = await (await connection.execute(_ENTITLED, (tenant_id,))).fetchone()
            if row is None:
                return Loan(0, 0.0)
            limit, rate, monthly, left = row
            calls = await _calls(connection, tenant_id, left, need)
            slots = None if limit is None else await self._slots(connection, tenant_id, limit, need)
            requests, is_spent = None if rate is None and monthly is None else 0.0, False
            if need.requests and requests is not None:
                requests, is_spent = await _requests(connection, tenant_id, rate or UNMETERED_RATE, monthly)
            reached: dict[str, int] = {}
            if need.requests and requests == 0:
                reached["requests" if is_spent else "requests_per_second"] = monthly if is_spent else rate
            if need.more and slots is not None and slots <= need.in_use:
                reached["connections"] = limit
            if need.calls and calls == 0:
                reached["spending_cap"] = 0
            limited = [await _limited(connection, tenant_id, name, allowed) for name, allowed in reached.items()]
            return Loan(slots, requests, is_spent, calls, tuple(limited))

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


async def _limited(connection: Connection, tenant_id: str, limit: str, allowed: int) -> Limited:
    """Asked only where nothing was lent, which is at most twice a second."""
    asked = {"tenant": tenant_id, "limit": limit, "allowed": allowed}
    row = await (await connection.execute(_LIFTED, asked)).fetchone()
    slug, lifted_by = row or ("", None)
    return Limited(limit, allowed, lifted_by, slug)


async def _requests(connection: Connection, tenant_id: str, rate: int, monthly: int | None) -> tuple[float, bool]:
    """How many are lent, and whether there are none because the month's are spent."""
    named: dict[str, Any] = {"tenant": tenant_id, "rate": rate, "burst": rate * BURST_SECONDS}
    await connection.execute(_OPEN_BUDGET, named)
    row = await (await connection.execute(_REFILL, named)).fetchone()
    tokens, spent = row or (0.0, 0)
    left = math.inf if monthly is None else monthly - spent
    lent = max(0.0, min(tokens, left, max(float(BLOCK), rate / REFILLS_PER_SECOND)))
    lent = float(int(lent))  # a request costs a whole one
    await connection.execute(_SPEND, named | {"lent": lent})
    return lent, left <= 0


async def _calls(connection: Connection, tenant_id: str, left: int | None, need: Need) -> float | None:
    """How many calls are lent of those that are left before the tenant's spending cap: fewer as it comes nearer."""
    if left is None or not need.calls:
        return None if left is None else 0.0
    lent = min(left, max(1, min(max(BLOCK, left // BLOCK), left // 4)))
    if lent:
        await connection.execute(_LEND_CALLS, (lent, tenant_id))
    return float(lent)
