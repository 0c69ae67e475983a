"""Running what takes time: with a deadline, bounded in number, and ended by whatever ends a call in its era."""

import asyncio
import itertools
import logging
import os
import time
from dataclasses import dataclass
from enum import Enum

from core import refusals
from core.refusals import Refused
from mcp_runtime.metering.meter import BILLABLE, CANCELLED, FAILED, NAMED_BY, REFUSED, Meter
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.features.tools import ToolCall
from mcp_runtime.protocol.replies import Batch, Notice, Reply, Work, refusal_reply
from mcp_runtime.protocol.sessions import digest
from mcp_runtime.protocol.settled import Settled
from mcp_runtime.quota.fairness import Begin, Turns
from mcp_runtime.quota.rates import Rate, Rates
from mcp_runtime.quota.shedding import LoopLag
from mcp_runtime.snapshots.held import Held
from mcp_runtime.sources.contract import SILENCE, CallContext
from mcp_runtime.trace_context import read_trace
from mcp_runtime.transports.asgi import Receive
from mcp_runtime.transports.conversations import SessionConversation, SessionlessConversation, StatelessConversation
from mcp_runtime.transports.endings import ending_of
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.outlets import EVENT_STREAM, Outlet
from mcp_runtime.transports.signals import Signals

logger = logging.getLogger(__name__)

# How long a call that was cancelled has to put its things away before it is left behind.
FAREWELL_SECONDS = 5.0
# A cancelled request gets no answer (basic/utilities/cancellation): an event stream without events.
UNANSWERED = Reply(200, b"", EVENT_STREAM)
_boot = os.urandom(6).hex()
_numbers = itertools.count(1)

type Conversing = StatelessConversation | SessionConversation | SessionlessConversation


class _End(Enum):
    FINISHED = "finished"
    OVERDUE = "overdue"
    DESERTED = "deserted"


@dataclass(slots=True)
class Call:
    """One call that has begun. It has no conversation where its messages have nowhere to go."""

    work: Work
    held: Held
    request_id: str
    conversation: Conversing | None
    task: asyncio.Task[bytes]
    meter: Meter
    size: int
    began: float
    turns: Turns

    @property
    def patience(self) -> float:
        """How many seconds the call may take by now: waiting for its client does not count."""
        return self.work.job.seconds + (self.conversation.waited if self.conversation else 0.0)

    def answer(self) -> Reply:
        """The answer of a call whose task is done; to be asked for once."""
        reply, outcome = ending_of(self.work, self.task.result, self.request_id)
        self.end(outcome, reply)
        return reply

    def end(self, outcome: str, reply: Reply | None = None) -> None:
        """The call is over, and this the one place that knows: it is written down before its answer leaves."""
        self.held.running -= 1
        self.turns.end(self.held.quota)
        self.held.quota.leave()
        if outcome in BILLABLE:
            self.held.quota.billed()
        self.meter.ended(
            self.work.exchange,
            outcome,
            seconds=asyncio.get_running_loop().time() - self.began,
            size=(self.size, len(reply.body) if reply else 0),
            request_id=self.request_id,
        )


@dataclass(frozen=True, slots=True)
class Throttle:
    """What decides whether a call may begin now, beside its tenant's quota."""

    rates: Rates
    turns: Turns
    lag: LoopLag


class Calls:
    """The calls of one worker."""

    def __init__(self, limits: Limits, signals: Signals, meter: Meter, throttle: Throttle) -> None:
        self._turns = throttle.turns
        self._lag = throttle.lag
        self._limits = limits
        self._rates = throttle.rates
        self._signals = signals
        self._meter = meter

    async def perform(self, work: Work, held: Held, receive: Receive, outlet: Outlet | None, size: int) -> Reply | None:
        """The answer of one piece of work; None when its client went away and that cancelled it.

        `size` is that of the request, in bytes.
        """
        try:
            await self._enter(work, held)
        except Refused as refused:
            return self._refuse(work, refused, size)
        call = self.answer_now(work, held, size) or self.begin(work, held, outlet, size)
        if isinstance(call, Reply):
            return call
        return call.answer() if call.task.done() else await self.finish(call, receive)

    async def _enter(self, work: Work, held: Held) -> None:
        """Waits for what `begin` needs. Raises Refused."""
        for rate, per_minute in self._limits_of(work) if _is_limited(work) else ():
            await rate.enter(per_minute)
        await (held.quota.enter_call() if work.exchange.method in NAMED_BY else held.quota.enter())
        if self._lag.is_shedding or self._turns.take(held.quota):
            return
        try:
            await self._turns.wait(held.quota)
        except BaseException:
            held.quota.leave()
            raise

    def may_begin(self, work: Work, held: Held) -> bool:
        """Enters all that `begin` needs, if nothing has to be asked for; else `perform` asks."""
        if not self._lag.is_shedding and not self._turns.take(held.quota):
            return False
        return self._may_enter(work, held)

    def _may_enter(self, work: Work, held: Held) -> bool:
        take = held.quota.take_call if work.exchange.method in NAMED_BY else held.quota.take
        if not _is_limited(work):
            return take()
        taken: list[Rate] = []
        for rate, _per_minute in self._limits_of(work):
            if not rate.take():
                break
            taken.append(rate)
        else:
            if take():
                return True
        for rate in taken:
            rate.calls += 1
        return False

    def _limits_of(self, work: Work) -> list[tuple[Rate, int]]:
        """The limits beside the tenant's that this work falls under, and each as calls a minute."""
        exchange, job = work.exchange, work.job
        found: list[tuple[Rate, int]] = []
        principal = exchange.principal
        if principal.calls_per_minute is not None:
            found.append((self._rates.of(exchange.endpoint.tenant_id, principal.id), principal.calls_per_minute))
        tool = job.tool.snapshot if type(job) is ToolCall else None
        if tool is not None and tool.calls_per_minute is not None:
            found.append((self._rates.of(exchange.endpoint.tenant_id, f"tool:{tool.id}"), tool.calls_per_minute))
        return found

    def line_up(self, work: Work, held: Held, begin: Begin) -> bool:
        """Has `begin` called when it is this call's turn, which `take_turn` can answer; False where it cannot be."""
        return _at_once(work) is not None and self._turns.line_up(held.quota, begin)

    def take_turn(self, work: Work, held: Held, size: int) -> Reply | None:
        """The answer of a call whose turn has come; None where something has to be asked for first."""
        return self.answer_now(work, held, size) if self._may_enter(work, held) else None

    def answer_now(self, work: Work, held: Held, size: int) -> Reply | None:
        """The answer of a call that is over when it begins, for which the quota was entered; None for any other."""
        job = _at_once(work)
        if job is None:
            return None
        held.quota.leave()
        if self._is_full(held):
            return self._refuse(work, Refused(refusals.OVERLOADED), size)
        began = time.monotonic()
        request_id = f"{_boot}-{next(_numbers):x}"
        reply, outcome = ending_of(work, job.answer, request_id)
        if outcome in BILLABLE:
            held.quota.billed()
        self._meter.ended(
            work.exchange,
            outcome,
            seconds=time.monotonic() - began,
            size=(size, len(reply.body)),
            request_id=request_id,
        )
        return reply

    def _is_full(self, held: Held) -> bool:
        return self._lag.is_shedding or held.running >= self._limits.calls or self._turns.is_full(held.quota)

    def begin(self, work: Work, held: Held, outlet: Outlet | None, size: int) -> Call | Reply:
        """Begins a piece of work for which the quota was entered, and which may be done at once.

        Leaves the quota when it ends. Returns an answer where it may not even begin.
        """
        if self._is_full(held):
            held.quota.leave()
            return self._refuse(work, Refused(refusals.OVERLOADED), size)
        exchange = work.exchange
        loop = asyncio.get_running_loop()
        try:
            conversation = self._conversation(work, outlet)
        except RpcError as error:
            held.quota.leave()
            return self._refuse(work, error, size)
        began = loop.time()
        request_id = f"{_boot}-{next(_numbers):x}"
        context = CallContext(
            exchange.endpoint.tenant_id,
            exchange.endpoint.endpoint_id,
            exchange.principal.id,
            request_id,
            began + work.job.seconds,
            conversation or SILENCE,
            read_trace(exchange.params.get("_meta")),
        )
        held.running += 1
        self._turns.begin(held.quota)
        # Eager: a job that never waits is done when this line is, without a turn of the loop.
        task = asyncio.Task(work.job.run(context), loop=loop, eager_start=True)
        return Call(work, held, request_id, conversation, task, self._meter, size, began, self._turns)

    def _refuse(self, work: Work, why: Refused | RpcError, size: int) -> Reply:
        """The answer to work that may not begin: the one place where that is known, and written down."""
        if isinstance(why, Refused):
            reply, code = refusal_reply(why, work.id), why.refusal.name
        else:
            reply, code = work.failure(why), str(why.code)
        self._meter.ended(work.exchange, REFUSED + code, seconds=0.0, size=(size, len(reply.body)), request_id="")
        return reply

    async def finish(self, call: Call, receive: Receive) -> Reply | None:
        """The answer of a call that takes time, which ends by itself, its deadline, or what cancels it in its era."""
        try:
            end = await self._settle(call, receive)
        except BaseException:
            call.end(CANCELLED)
            raise
        if end is _End.FINISHED:
            return call.answer()
        if end is _End.DESERTED:
            call.end(CANCELLED)
            return None
        sentence = f"The call did not answer within {call.work.job.seconds:g} seconds."
        reply, _ = ending_of(call.work, lambda: call.work.job.failed(sentence), call.request_id)
        call.end(FAILED, reply)
        return reply

    async def perform_batch(self, batch: Batch, held: Held, receive: Receive, size: int) -> Reply:
        """The answers of a batch in one array, in its order; its work runs side by side and says nothing meanwhile.

        Each part counts for its share of the request's `size`.
        """
        share = size // max(1, len(batch.parts))

        async def one(part: Reply | Work | Notice) -> Reply | None:
            if isinstance(part, Work):
                return await self.perform(part, held, receive, None, share)
            return await self._signals.give(part, held) if isinstance(part, Notice) else part

        replies = await asyncio.gather(*(one(part) for part in batch.parts))
        bodies = [reply.body for reply in replies if reply is not None and reply.body]
        return Reply(200, b"[%b]" % b",".join(bodies)) if bodies else Reply(202, b"")

    def _conversation(self, work: Work, outlet: Outlet | None) -> Conversing | None:
        exchange = work.exchange
        if outlet is None or type(work.job) is Settled:
            return None
        if exchange.revision.stateless:
            return StatelessConversation(exchange, outlet)
        if not exchange.session:
            return SessionlessConversation(exchange, outlet)
        name = digest(exchange.session)
        return SessionConversation(exchange, outlet, name, self._signals.questions, self._signals.state)

    async def _settle(self, call: Call, receive: Receive) -> _End:
        """Waits for the task, its deadline, or what cancels it in its era; leaves nothing running."""
        watcher = self._cancelling(call.work, receive)
        waiting: set[asyncio.Future[bytes] | asyncio.Future[None]] = {call.task, watcher}
        try:
            done: set[asyncio.Future[bytes] | asyncio.Future[None]] = set()
            while not done:
                left = call.began + call.patience - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(waiting)
        if call.task in done:
            return _End.FINISHED
        return _End.DESERTED if done else _End.OVERDUE

    def _cancelling(self, work: Work, receive: Receive) -> "asyncio.Future[None]":
        """A future that is done when the call is cancelled, in the way of its era."""
        exchange = work.exchange
        if exchange.revision.stateless:
            return asyncio.ensure_future(_disconnected(receive))
        if exchange.session:
            return self._signals.cancellation(digest(exchange.session), work.id)
        # Leaving cancels nothing before 2026-07-28, and without a session nobody can say that it should.
        return asyncio.get_running_loop().create_future()


def _at_once(work: Work) -> ToolCall | None:
    """The job of work that is over when it begins."""
    job = work.job
    return job if type(job) is ToolCall and job.is_instant else None


def _is_limited(work: Work) -> bool:
    """Whether work falls under a limit of its key's or its tool's own; nearly none does."""
    job = work.job
    if type(job) is ToolCall and job.tool.snapshot.calls_per_minute is not None:
        return True
    return work.exchange.principal.calls_per_minute is not None


async def _cancel(futures: "set[asyncio.Future[bytes] | asyncio.Future[None]]") -> None:
    running = [future for future in futures if not future.done()]
    for future in running:
        future.cancel()
    if running:
        _, stubborn = await asyncio.wait(running, timeout=FAREWELL_SECONDS)
        if stubborn:
            logger.error("a call that was cancelled did not end within %s seconds", FAREWELL_SECONDS)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
