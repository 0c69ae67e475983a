"""Streamable HTTP over ASGI: a thin shell around the protocol, one path for every revision and both eras."""

import logging

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import principal_of, refuse_token_in
from mcp_runtime.protocol import errors, handshake, jsonrpc, ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import ORIGIN, PREFLIGHT_METHOD, SESSION_ID, RequestHeaders
from mcp_runtime.protocol.replies import Batch, Reply, refusal_reply
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

_PATH_PARTS = 5
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
            held = await self._held(scope["path"])
            if headers.get(ORIGIN) is not None:
                send = with_headers(send, self._guards.cors(headers, held.served))
            reply = await self._answer(scope, headers, held, receive, send)
        except ClientGone:
            return
        except Refused as refused:
            reply = refusal_reply(refused, headers=_closing(refused))
        except RpcError as error:
            reply = Reply(error.status, jsonrpc.error_envelope(b"", error.code, error.message, error.data))
        except DatabaseAway:
            reply = refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE))
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        if reply is not None:
            await send_reply(send, reply)

    async def _held(self, path: str) -> Held:
        parts = path.split("/")
        if len(parts) != _PATH_PARTS or parts[4] != "mcp" or parts[1] != "t" or parts[0]:
            raise Refused(refusals.NOT_FOUND)
        return self._store.get(parts[2], parts[3]) or await self._store.find(parts[2], parts[3])

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        verb = scope["method"]
        if verb == "OPTIONS" and headers.get(PREFLIGHT_METHOD) is not None:
            return preflight(headers)
        if verb not in ("POST", "GET", "DELETE"):
            return _not_allowed(b"GET, POST, DELETE")
        if scope["query_string"]:
            refuse_token_in(scope["query_string"])
        scene = Scene(held.served, principal_of(headers, held.served), self._sessions, held.ended)
        if verb == "POST":
            return await self._post(headers, held, scene, receive)
        if not handshake.names_session(headers):
            return _not_allowed(b"POST, DELETE" if verb == "GET" else b"POST")
        if verb == "DELETE":
            return await self._delete(headers, held, scene)
        await self._get(headers, held, scene, receive, send)
        return None

    async def _post(self, headers: RequestHeaders, held: Held, scene: Scene, receive: Receive) -> Reply | None:
        check_media(headers)
        body = await read_body(receive, headers, self._limits)
        outcome = ladder.receive(headers, body, scene)
        if isinstance(outcome, Reply):
            return outcome
        if isinstance(outcome, Batch):
            return await perform_batch(outcome, held, scene.principal, self._limits, receive)
        return await perform(outcome, held, scene.principal, self._limits, receive)

    async def _get(self, headers: RequestHeaders, held: Held, scene: Scene, receive: Receive, send: Send) -> None:
        session = handshake.session_of(headers, scene)
        if not accepts_events(headers):
            raise Refused(refusals.NOT_ACCEPTABLE, "A GET accepts text/event-stream.")
        if len(held.subscribers) >= self._limits.streams:
            raise Refused(refusals.OVERLOADED)
        if held.is_gone:
            raise Refused(refusals.NOT_FOUND)
        stream = EventStream(session, digest(headers.values[SESSION_ID]), scene.principal)
        held.subscribers.add(stream)
        try:
            await stream.serve(receive, send, self._limits.keep_alive_seconds)
        finally:
            held.subscribers.discard(stream)

    async def _delete(self, headers: RequestHeaders, held: Held, scene: Scene) -> Reply:
        session = handshake.session_of(headers, scene)
        name = digest(headers.values[SESSION_ID])
        served = held.served
        await self._database.end_session(
            served.tenant_id, served.endpoint_id, served.slug, name, float(session.expires_at)
        )
        held.end_session(name, session.expires_at)
        return Reply(204, b"")


def _not_allowed(allow: bytes) -> Reply:
    return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", allow),))


def _closing(refused: Refused) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"connection", b"close"),) if refused.refusal.name in _CLOSING else ()
