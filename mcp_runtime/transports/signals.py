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

CANCEL = "cancel"
ANNOUNCE = "announce"
SUBSCRIPTIONS = "subscriptions"
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
            await self._tell(notice.signal, held)
        except Refused as refused:
            return refusal_reply(refused, notice.id)
        return notice.reply

    async def _tell(self, signal: Signal, held: Held) -> None:
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
            await self._tell_of_subscriptions(signal.session, held)
        elif signal.kind == UNSUBSCRIBED:
            await self.state.unsubscribe(signal.session, signal.data["uri"])
            await self._tell_of_subscriptions(signal.session, held)

    async def _tell_of_subscriptions(self, session: str, held: Held) -> None:
        """Who holds the session's stream listens to upstreams for it."""
        served = held.served
        data = {"tenant": served.tenant_id, "endpoint": served.slug, "session": session}
        await self._bus.tell_everyone(SUBSCRIPTIONS, data)

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


def announcer(bus: Bus) -> Announce:
    """A function by which a source tells the clients of a call's endpoint, at every worker, of a change: the kind of
    list, and the URI where it is one resource."""

    async def announce(context: CallContext, kind: str, uri: str) -> None:
        data = {"tenant": context.tenant_id, "endpoint": context.endpoint_id, "kind": kind, "uri": uri}
        await bus.tell_everyone(ANNOUNCE, data)

    return announce
