"""Running what takes time: with a deadline, bounded in number, and ended by a client's leaving where that cancels."""

import asyncio
import itertools
import logging
import os
from enum import Enum

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.replies import Batch, Reply, Work, refusal_reply
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.snapshots.held import Held
from mcp_runtime.sources.contract import CallContext
from mcp_runtime.transports.asgi import Receive
from mcp_runtime.transports.limits import Limits

logger = logging.getLogger(__name__)

# How long a call that was cancelled has to put its things away before it is left behind.
FAREWELL_SECONDS = 5.0
_boot = os.urandom(6).hex()
_numbers = itertools.count(1)


class _End(Enum):
    FINISHED = "finished"
    OVERDUE = "overdue"
    DESERTED = "deserted"


async def perform(work: Work, held: Held, principal: Principal, limits: Limits, receive: Receive) -> Reply | None:
    """The answer of one piece of work; None when its client went away and that cancelled it."""
    if held.running >= limits.calls:
        return refusal_reply(Refused(refusals.OVERLOADED), work.id)
    held.running += 1
    try:
        loop = asyncio.get_running_loop()
        seconds = work.job.seconds
        context = _context(held.served, principal, loop.time() + seconds)
        # Eager: a job that never waits is done when this line is, without a turn of the loop.
        task = asyncio.Task(work.job.run(context), loop=loop, eager_start=True)
        if not task.done():
            end = await _settle(task, seconds, receive if work.revision.stateless else None)
            if end is not _End.FINISHED:
                return work.reply(work.job.overdue()) if end is _End.OVERDUE else None
        return _reply(task, work, context.request_id)
    finally:
        held.running -= 1


async def perform_batch(batch: Batch, held: Held, principal: Principal, limits: Limits, receive: Receive) -> Reply:
    """The answers of a batch in one array, in its order; its work runs side by side."""

    async def one(part: Reply | Work) -> Reply | None:
        return part if isinstance(part, Reply) else await perform(part, held, principal, limits, receive)

    replies = await asyncio.gather(*(one(part) for part in batch.parts))
    return Reply(200, b"[%b]" % b",".join(reply.body for reply in replies if reply is not None))


def _context(endpoint: ServedEndpoint, principal: Principal, deadline: float) -> CallContext:
    request_id = f"{_boot}-{next(_numbers):x}"
    return CallContext(endpoint.tenant_id, endpoint.endpoint_id, principal.id, request_id, deadline)


def _reply(task: asyncio.Task[bytes], work: Work, request_id: str) -> Reply:
    """The boundary where an exception becomes an answer: what it says stays in the log."""
    try:
        return work.reply(task.result())
    except Refused as refused:
        return refusal_reply(refused, work.id)
    except (Exception, asyncio.CancelledError):
        logger.exception("request %s failed", request_id)
        return work.failure(RpcError(errors.INTERNAL_ERROR, "Internal error", {"request_id": request_id}))


async def _settle(task: asyncio.Task[bytes], seconds: float, receive: Receive | None) -> _End:
    """Waits for the task, the deadline, or the client's leaving if `receive` is given; leaves nothing running."""
    watcher = None if receive is None else asyncio.ensure_future(_disconnected(receive))
    waiting: set[asyncio.Future[bytes] | asyncio.Future[None]] = {task} if watcher is None else {task, watcher}
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(waiting)
    if task in done:
        return _End.FINISHED
    return _End.DESERTED if done else _End.OVERDUE


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
