"""What a message asks of another worker, or leaves for later: answers, cancellations, levels, subscriptions."""

import asyncio
from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.bus import Bus
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.replies import Notice, Reply, refusal_reply
from mcp_runtime.protocol.revision import Signal
from mcp_runtime.protocol.signals import ANSWERED, CANCELLED, LEVEL_SET, SUBSCRIBED, UNSUBSCRIBED
from mcp_runtime.snapshots.held import Held
from mcp_runtime.sources.contract import Announce, CallContext
from mcp_runtime.transports.questions import Questions
from mcp_runtime.transports.session_state import SessionState
from mcp_runtime.upstreams.lines import Tell

CANCEL = "cancel"
ANNOUNCE = "announce"
MAXIMUM_ANSWER_BYTES = 1024 * 1024


class Signals:
    """Gives signals where they belong."""

    def __init__(self, bus: Bus, state: SessionState) -> None:
        self.state = state
        self.questions = Questions(bus)
        self._bus = bus
        self._cancellable: dict[tuple[str, str], asyncio.Future[None]] = {}
        bus.on(CANCEL, self._cancelled)

    async def give(self, notice: Notice, held: Held) -> Reply:
        """Tells, stores, and then answers."""
        try:
            await self._tell(notice.signal)
        except Refused as refused:
            return refusal_reply(refused, notice.id)
        return notice.reply

    async def _tell(self, signal: Signal) -> None:
        if signal.kind == ANSWERED:
            if len(encode(signal.data)) > MAXIMUM_ANSWER_BYTES:
                raise Refused(refusals.BODY_TOO_LARGE, "An answer has at most 1 MiB.")
            await self.questions.deliver(signal.session, signal.data)
        elif signal.kind == CANCELLED and signal.session:
            await self._bus.tell_everyone(CANCEL, {"session": signal.session, **signal.data})
        elif signal.kind == LEVEL_SET:
            await self.state.set_level(signal.session, signal.data["level"])
        elif signal.kind == SUBSCRIBED:
            await self.state.subscribe(signal.session, signal.data["uri"])
        elif signal.kind == UNSUBSCRIBED:
            await self.state.unsubscribe(signal.session, signal.data["uri"])

    def cancellation(self, session: str, request: bytes) -> "asyncio.Future[None]":
        """A future that is done when the session's client cancels the request, whichever worker hears it."""
        key = (session, request.decode())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cancellable[key] = future
        future.add_done_callback(lambda future: self._forget(key, future))
        return future

    def _forget(self, key: tuple[str, str], future: "asyncio.Future[None]") -> None:
        if self._cancellable.get(key) is future:
            del self._cancellable[key]

    def _cancelled(self, data: dict[str, Any]) -> None:
        future = self._cancellable.get((data["session"], data["request"]))
        if future is not None and not future.done():
            future.set_result(None)


def teller(bus: Bus) -> Tell:
    """A function that tells the clients of an endpoint (ids of its tenant and its own), at every worker, of a change:
    the kind of list, and the URI where it is one resource."""

    async def tell(tenant_id: str, endpoint_id: str, kind: str, uri: str) -> None:
        await bus.tell_everyone(ANNOUNCE, {"tenant": tenant_id, "endpoint": endpoint_id, "kind": kind, "uri": uri})

    return tell


def announcer(bus: Bus) -> Announce:
    """The same for sources: for the endpoint of a call."""
    tell = teller(bus)

    async def announce(context: CallContext, kind: str, uri: str) -> None:
        await tell(context.tenant_id, context.endpoint_id, kind, uri)

    return announce
