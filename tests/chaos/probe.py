"""The outside probe: clients that call all the time over keep-alive connections, and write down what became of it."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.calls import CALLS, Account, body_of, headers_of, is_right, tool_of
from tests.chaos.http1 import Connection, Lost, request

# What a client with sense does: gives up on an answer, and tries anew after a moment.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.02


class Outcome(StrEnum):
    """What became of a call."""

    GOOD = "good"
    WRONG = "wrong"  # an answer to something else, or of somebody else: never
    REFUSED = "refused"  # a typed refusal, or any status but 200
    LOST = "lost"  # no answer: whether it was done nobody knows


@dataclass(frozen=True, slots=True)
class Heard:
    """One call: by which line it was sent, when, and when it was over (CLOCK_MONOTONIC, seconds)."""

    line: int
    number: int
    sent: float
    done: float
    outcome: Outcome
    said: str = ""


@dataclass
class Probe:
    """One tenant's clients: `lines` connections, each calling every `interval` seconds unless it waits."""

    account: Account
    port: int
    lines: int
    interval: float
    # The network namespace that it calls from and to.
    space: str = ""
    heard: list[Heard] = field(default_factory=list)
    next_number: int = 0
    # The size of an answer whose text has no extra: learned from the first good one.
    answer_bytes: int = 0
    patience: float = PATIENCE_SECONDS
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def is_calling(self) -> bool:
        """Whether it has been started."""
        return bool(self._tasks)

    def start(self) -> None:
        """Begins to call."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._line(index)) for index in range(self.lines)]

    async def stop(self) -> None:
        """Ends after the calls in flight: none of them is left unknown for that."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.set_name("ending")
        await asyncio.gather(*tasks)

    async def _line(self, index: int) -> None:
        connection = Connection(self.port, self.space)
        task = asyncio.current_task()
        # Lines take turns rather than call all at once.
        await asyncio.sleep(self.interval * index / self.lines)
        while task is not None and task.get_name() != "ending":
            due = time.monotonic() + self.interval
            heard = await self.call(connection, index)
            wait = due - time.monotonic()
            await asyncio.sleep(max(wait, 0.0 if heard.outcome is Outcome.GOOD else PAUSE_SECONDS))
        connection.close()

    async def call(self, connection: Connection, index: int) -> Heard:
        """One call; raises ValueError when there are no numbers left."""
        number, self.next_number = self.next_number, self.next_number + 1
        tenant, sent = self.account.tenant, time.monotonic()
        try:
            answer = await connection.ask(self._request(number), self.patience)
        except Lost as lost:
            outcome, said = Outcome.LOST, str(lost)
        else:
            outcome, said = self._judged(tenant, number, answer.status, answer.body)
        heard = Heard(index, number, sent, time.monotonic(), outcome, said)
        self.heard.append(heard)
        return heard

    def _judged(self, tenant: str, number: int, status: int, body: bytes) -> tuple[Outcome, str]:
        if status != 200:
            # An error of the protocol is JSON; anything else where an MCP client reads is a wrong answer.
            is_typed = body.startswith(b"{")
            return (Outcome.REFUSED if is_typed else Outcome.WRONG), f"{status} {body[:200]!r}"
        if not is_right(tenant, number, body):
            return Outcome.WRONG, f"{status} {body[:200]!r}"
        self.answer_bytes = self.answer_bytes or len(body) - number % 256
        return Outcome.GOOD, ""

    def _request(self, number: int) -> bytes:
        return request(
            "POST",
            self.account.path,
            headers_of(self.account, f"localhost:{self.port}", tool_of(number)),
            body_of(self.account.tenant, number),
        )

    @property
    def left(self) -> int:
        """How many numbers are left."""
        return CALLS - self.next_number

    def since(self, moment: float) -> Iterator[Heard]:
        """The calls that were over at `moment` or later, latest first."""
        for heard in reversed(self.heard):
            if heard.done < moment - self.patience:
                return
            if heard.done >= moment:
                yield heard


def first_bad(probe: Probe, moment: float) -> float | None:
    """When the first call since then failed, if one did."""
    return min((heard.done for heard in probe.since(moment) if heard.outcome is not Outcome.GOOD), default=None)


def all_answered(probe: Probe, moment: float) -> float | None:
    """When the last of the lines had its first good answer to a call sent since `moment`; None while one has not."""
    firsts: dict[int, float] = {}
    for heard in probe.since(moment):
        if heard.outcome is Outcome.GOOD and heard.sent >= moment:
            firsts[heard.line] = min(heard.done, firsts.get(heard.line, heard.done))
    return max(firsts.values()) if len(firsts) == probe.lines else None
