"""What every HTTP transport does alike: Host and Origin, the endpoint by its path, and failures that become replies."""

import logging
from abc import ABC, abstractmethod

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.challenges import with_way_in
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.metering.meter import Meter
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import ORIGIN, PREFLIGHT_METHOD, RequestHeaders
from mcp_runtime.protocol.replies import Reply, refusal_reply
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply, with_headers
from mcp_runtime.transports.bodies import ClientGone
from mcp_runtime.transports.guards import Guards, preflight
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.resuming import ResumedStream
from mcp_runtime.transports.streams import EventStream

logger = logging.getLogger(__name__)

type Failure = Refused | RpcError | DatabaseAway | ClientGone

# After these the rest of a body may still be on its way, and is not worth reading.
_CLOSING = frozenset({refusals.BODY_TOO_LARGE.name, refusals.BODY_TOO_SLOW.name})


class Door(ABC):
    """An ASGI application for requests to endpoints."""

    def __init__(self, *, store: SnapshotStore, guards: Guards, limits: Limits, meter: Meter) -> None:
        self._store = store
        self._guards = guards
        self._limits = limits
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever happens, the body is JSON."""
        held, host = None, ""
        try:
            headers = RequestHeaders(scope["headers"])
            host = self._guards.host_in(headers)
            held = await endpoint_at(self._store, host, scope["path"])
            self._guards.check_address(held.served.gate, peer_of(scope), scope["headers"])
            if headers.get(ORIGIN) is not None:
                send = with_headers(send, self._guards.cors(headers, held.served))
            if scope["method"] == "POST":
                reply = await self._post(scope, headers, held, receive, send)
            elif scope["method"] == "OPTIONS" and headers.get(PREFLIGHT_METHOD) is not None:
                reply = preflight(headers)
            else:
                reply = await self._answer(scope, headers, held, receive, send)
        except (Refused, RpcError, DatabaseAway, ClientGone) as failure:
            reply = self._turn_away(
                failure, self._guards.url_at(host, scope["path"]), held, is_call=scope["method"] == "POST"
            )
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        if reply is not None:
            await send_reply(send, reply)

    def _turn_away(self, failure: Failure, url: str, held: Held | None, *, is_call: bool) -> Reply | None:
        """The answer to a request to `url` that did not get to its call; one for an endpoint's is written down."""
        if held is not None and isinstance(failure, Refused):
            if is_call:
                self._meter.turned_away(held.served, failure.refusal.name)
            if not held.served.is_open:
                failure = with_way_in(failure, url)
        return reply_to(failure)

    @abstractmethod
    async def _post(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        """What becomes of a POST; None when it was answered already, or nobody is there to be answered."""

    @abstractmethod
    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        """What becomes of a request without a body; None when it was answered already."""

    async def _open(
        self, stream: EventStream | ResumedStream, held: Held, receive: Receive, send: Send, *, host: str
    ) -> None:
        """Serves a stream that hears of the endpoint's changes; `host` is the tenant's by which it came, if any.

        Raises Refused where there is no room for it.
        """
        async with held.quota.entered():
            held.subscribe(stream, self._limits.streams, host)
            try:
                await stream.serve(receive, send, self._limits.keep_alive_seconds)
            finally:
                held.unsubscribe(stream)


async def endpoint_at(store: SnapshotStore, host: str, path: str) -> Held:
    """The endpoint at a path of a tenant's host, or where `host` is empty of the platform's.

    Raises Refused: NOT_FOUND; HOST_NOT_ALLOWED for a host that is nobody's; as `SnapshotStore.find` does; DatabaseAway.
    """
    if host:
        return store.get_at(host, path) or await store.find_at(host, path)
    return store.get(path) or await store.find(path)


def peer_of(scope: Scope) -> str:
    """The address that a request's connection comes from; empty where there is none."""
    client = scope.get("client")
    return client[0] if client else ""


def not_allowed(allow: bytes) -> Reply:
    """The answer to a verb that is not one of `allow`."""
    return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", allow),))


def reply_to(failure: Failure) -> Reply | None:
    """What a failure is on the wire; None where nobody is there to read it."""
    if isinstance(failure, Refused):
        closing = failure.refusal.name in _CLOSING
        return refusal_reply(failure, headers=((b"connection", b"close"),) if closing else ())
    if isinstance(failure, RpcError):
        return Reply(failure.status, jsonrpc.error_envelope(b"", failure.code, failure.message, failure.data))
    return refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE)) if isinstance(failure, DatabaseAway) else None
