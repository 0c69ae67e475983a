"""What was acknowledged against what the ledger has: each good answer is one row, and no call is two."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.chaos.calls import number_of, tool_of
from tests.chaos.probe import Heard, Outcome, Probe

# A dead worker's journal is replayed within seconds; the first look after an outage may be five seconds later.
SHIPPED_SECONDS = 40.0
LOOK_SECONDS = 0.3
# Calls are written down as they end: so far may two be out of the order of their numbers.
OUT_OF_ORDER = 1_000
_ROWS = """
    SELECT name, bytes_in, bytes_out, count(*) FROM billing_usageevent
    WHERE tenant_id = %s AND outcome = 'ok' AND billable AND name = ANY(%s) GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Balance:
    """Of some calls: how many were acknowledged, which are not in the ledger, and which are there more than once.

    `unknown` counts those whose answer never came, `done` how many of these are in the ledger. `strange` are rows that
    belong to no call that was ever made.
    """

    acknowledged: int
    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    unknown: int
    done: int
    strange: int

    @property
    def is_even(self) -> bool:
        """Whether nothing is lost, doubled or strange."""
        return not (self.lost or self.doubled or self.strange)


def balance(heard: list[Heard], rows: Counter[int | None], made: int) -> Balance:
    """Compares calls with the ledger's rows by number; None counts rows that are no call's, `made` all calls so far."""
    good = [each.number for each in heard if each.outcome is Outcome.GOOD]
    unknown = [each.number for each in heard if each.outcome is Outcome.LOST]
    return Balance(
        acknowledged=len(good),
        lost=tuple(number for number in good if not rows[number]),
        doubled=tuple(each.number for each in heard if rows[each.number] > 1),
        unknown=len(unknown),
        done=sum(1 for number in unknown if rows[number]),
        strange=sum(count for number, count in rows.items() if number is None or number >= made),
    )


def heard_of(probe: Probe, numbers: range) -> Iterator[Heard]:
    """What became of these calls."""
    for each in reversed(probe.heard):
        if each.number < numbers.start - OUT_OF_ORDER:
            return
        if each.number in numbers:
            yield each


# Asks the ledger: a query, its values; the rows.
type Select = Callable[..., Awaitable[list[tuple[Any, ...]]]]


def at(url: str) -> Select:
    """Asks the database at `url`; raises psycopg.Error."""

    async def select(query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    return select


async def ledger_rows(select: Select, probe: Probe, numbers: range) -> Counter[int | None]:
    """The billed calls of the tools that these numbers call, by number; raises what `select` does."""
    # One tool stands for a whole stretch of numbers.
    tools = sorted({tool_of(number) for number in (*numbers[::10_000], *numbers[-1:])})
    account, rows = probe.account, Counter[int | None]()
    for name, took, gave, count in await select(_ROWS, account.tenant_id, tools):
        rows[number_of(account.tenant, (name, took, gave), probe.answer_bytes)] += count
    return rows


async def settled(select: Select, probe: Probe, numbers: range, seconds: float = SHIPPED_SECONDS) -> Balance:
    """The balance of these calls once everything that was acknowledged has been shipped, or after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        # Heard first: what is acknowledged while the ledger is read is for the next look.
        heard = list(heard_of(probe, numbers))
        found = balance(heard, await ledger_rows(select, probe, numbers), probe.next_number)
        if not found.lost or time.monotonic() > limit:
            return found
        await asyncio.sleep(LOOK_SECONDS)
