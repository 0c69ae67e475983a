"""Streamable HTTP over ASGI: a thin shell around the protocol, one path for every revision and both eras."""

import logging

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import principal_of, refuse_token_in
from mcp_runtime.protocol import errors, handshake, jsonrpc, ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import ORIGIN, PREFLIGHT_METHOD, SESSION_ID, RequestHeaders
from mcp_runtime.protocol.replies import Batch, Reply, Work, refusal_reply
from mcp_runtime.protocol.scene import Scene
from mcp_runtime.protocol.sessions import SessionTokens, digest
from mcp_runtime.snapshots.database import Database, DatabaseAway
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply, with_headers
from mcp_runtime.transports.bodies import ClientGone, read_body
from mcp_runtime.transports.calls import perform, perform_batch
from mcp_runtime.transports.guards import Guards, accepts_events, check_media, preflight
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.streams import EventStream

logger = logging.getLogger(__name__)

# After these the rest of a body may still be on its way, and is not worth reading.
_CLOSING = frozenset({refusals.BODY_TOO_LARGE.name, refusals.BODY_TOO_SLOW.name})


class StreamableHttp:
    """Answers `/t/<tenant>/<endpoint>/mcp`."""

    def __init__(self, store: SnapshotStore, database: Database, guards: Guards, limits: Limits) -> None:
        self._store = store
        self._database = database
        self._guards = guards
        self._limits = limits
        self._sessions = SessionTokens()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever happens, the body is JSON."""
        try:
            headers = RequestHeaders(scope["headers"])
            self._guards.check_host(headers)
            held = self._store.get(scope["path"]) or await self._store.find(scope["path"])
            if headers.get(ORIGIN) is not None:
                send = with_headers(send, self._guards.cors(headers, held.served))
            if scope["method"] == "POST":
                reply = await self._post(scope, headers, held, receive)
            else:
                reply = await self._answer(scope, headers, held, receive, send)
        except (Refused, RpcError, DatabaseAway, ClientGone) as failure:
            reply = _reply_to(failure)
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        if reply is not None:
            await send_reply(send, reply)

    def _scene(self, scope: Scope, headers: RequestHeaders, held: Held) -> Scene:
        """Who asks for what; raises Refused where they may not."""
        if scope["query_string"]:
            refuse_token_in(scope["query_string"])
        return Scene(held.served, principal_of(headers, held.served), self._sessions, held.ended)

    async def _post(self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive) -> Reply | None:
        scene = self._scene(scope, headers, held)
        check_media(headers)
        body = await read_body(receive, headers, self._limits)
        outcome = ladder.receive(headers, body, scene)
        if isinstance(outcome, Work):
            return await perform(outcome, held, scene.principal, self._limits, receive)
        if isinstance(outcome, Batch):
            return await perform_batch(outcome, held, scene.principal, self._limits, receive)
        return outcome

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        """What becomes of a request without a body."""
        verb = scope["method"]
        if verb == "OPTIONS" and headers.get(PREFLIGHT_METHOD) is not None:
            return preflight(headers)
        if verb not in ("GET", "DELETE"):
            return _not_allowed(b"GET, POST, DELETE")
        scene = self._scene(scope, headers, held)
        if not handshake.names_session(headers):
            return _not_allowed(b"POST, DELETE" if verb == "GET" else b"POST")
        if verb == "DELETE":
            return await self._delete(headers, held, scene)
        await self._get(headers, held, scene, receive, send)
        return None

    async def _get(self, headers: RequestHeaders, held: Held, scene: Scene, receive: Receive, send: Send) -> None:
        session = handshake.session_of(headers, scene)
        if not accepts_events(headers):
            raise Refused(refusals.NOT_ACCEPTABLE, "A GET accepts text/event-stream.")
        if len(held.subscribers) >= self._limits.streams:
            raise Refused(refusals.OVERLOADED)
        if held.is_gone:
            # It was deleted this moment, or this worker is shutting down: asking again tells which.
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE)
        stream = EventStream(session, digest(headers.values[SESSION_ID].strip(b" \t")), scene.principal)
        held.subscribers.add(stream)
        try:
            await stream.serve(receive, send, self._limits.keep_alive_seconds)
        finally:
            held.subscribers.discard(stream)

    async def _delete(self, headers: RequestHeaders, held: Held, scene: Scene) -> Reply:
        session = handshake.session_of(headers, scene)
        name = digest(headers.values[SESSION_ID].strip(b" \t"))
        served = held.served
        await self._database.end_session(
            served.tenant_id, served.endpoint_id, served.slug, name, float(session.expires_at)
        )
        held.end_session(name, session.expires_at)
        return Reply(204, b"")


def _not_allowed(allow: bytes) -> Reply:
    return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", allow),))


def _reply_to(failure: Refused | RpcError | DatabaseAway | ClientGone) -> Reply | None:
    """What a failure is on the wire; None where nobody is there to read it."""
    if isinstance(failure, Refused):
        closing = failure.refusal.name in _CLOSING
        return refusal_reply(failure, headers=((b"connection", b"close"),) if closing else ())
    if isinstance(failure, RpcError):
        return Reply(failure.status, jsonrpc.error_envelope(b"", failure.code, failure.message, failure.data))
    return refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE)) if isinstance(failure, DatabaseAway) else None
