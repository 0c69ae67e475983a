"""HTTP+SSE of 2024-11-05 (basic/transports): a GET that streams, and a POST for each message of the client's.

Its clients negotiate any revision that has a handshake, as real ones do. The stream is the session: it lives as long.
"""

from dataclasses import replace

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import principal_of, refuse_token_in
from mcp_runtime.protocol import errors, jsonrpc, ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.replies import ACCEPTED, Reply
from mcp_runtime.protocol.served import Principal
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Receive, Scope, Send
from mcp_runtime.transports.bodies import read_body
from mcp_runtime.transports.connections import Connection, ConnectionStream
from mcp_runtime.transports.door import Door, not_allowed
from mcp_runtime.transports.guards import Guards, accepts_events, check_content
from mcp_runtime.transports.mailboxes import Mailboxes, Owner
from mcp_runtime.transports.services import Services

STREAM, MESSAGES = "/sse", "/messages"
# Less than elsewhere, since it may have to travel to another worker.
BODY_BYTES = 1024 * 1024


class SseStream(ConnectionStream):
    """The stream of a GET. `messages` is the URI that its client posts to: a path, so that it is of this origin."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal)
        self.messages = ""

    def _opening(self) -> bytes:
        return b"event: endpoint\ndata: %b\n\n" % self.messages.encode()


class HttpSse(Door):
    """Answers `/t/<tenant>/<endpoint>/sse` and `/t/<tenant>/<endpoint>/messages`."""

    def __init__(self, *, store: SnapshotStore, guards: Guards, services: Services, mailboxes: Mailboxes) -> None:
        limits = services.limits
        super().__init__(
            store=store,
            guards=guards,
            limits=replace(limits, body_bytes=min(limits.body_bytes, BODY_BYTES)),
            meter=services.meter,
        )
        self._services = services
        self._mailboxes = mailboxes

    async def _answer(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        if scope["path"].endswith(MESSAGES):
            return not_allowed(b"POST")
        if scope["method"] != "GET":
            return not_allowed(b"GET")
        principal = _principal(scope, headers, held, self._guards)
        if not accepts_events(headers):
            raise Refused(refusals.NOT_ACCEPTABLE, "A GET accepts text/event-stream.")
        host = self._guards.host_in(headers)
        await self._stream(scope["path"], held, principal, receive, send, host=host)
        return None

    async def _stream(
        self, path: str, held: Held, principal: Principal, receive: Receive, send: Send, *, host: str
    ) -> None:
        stream = SseStream(principal)
        connection = Connection(self._services, held, stream, ladder.receive_in_session)
        address = self._mailboxes.open(connection, _owner(held, principal))
        stream.messages = f"{path.removesuffix(STREAM)}{MESSAGES}?session_id={address}"
        try:
            await self._open(stream, held, receive, send, host=host)
        finally:
            self._mailboxes.close(address)
            await connection.close()

    async def _post(
        self, scope: Scope, headers: RequestHeaders, held: Held, receive: Receive, send: Send
    ) -> Reply | None:
        if scope["path"].endswith(STREAM):
            return not_allowed(b"GET")
        principal = _principal(scope, headers, held, self._guards)
        address = _address_in(scope["query_string"])
        self._mailboxes.check(address, _owner(held, principal))
        check_content(headers, held.served)
        body = await read_body(receive, headers, self._limits)
        malformed = _malformed(body)
        if malformed is None:
            await self._mailboxes.deliver(address, body)
        return malformed or ACCEPTED


def _principal(scope: Scope, headers: RequestHeaders, held: Held, guards: Guards) -> Principal:
    refuse_token_in(scope["query_string"])
    return principal_of(headers, held.served, guards.target(scope["method"], headers, scope["path"]))


def _owner(held: Held, principal: Principal) -> Owner:
    return Owner(held.served.tenant_id, held.served.endpoint_id, principal.id)


def _address_in(query_string: bytes) -> str:
    name, _, address = query_string.decode("latin-1").partition("=")
    if name != "session_id":
        sentence = "Post to the URI that the stream's endpoint event names."
        raise RpcError(errors.INVALID_REQUEST, sentence, status=400)
    return address


def _malformed(body: bytes) -> Reply | None:
    """The answer to what is no message, and so to nothing that the stream could answer; None for one that may be."""
    value: object = None
    try:
        value = jsonrpc.decode(body)
        if type(value) is not list:
            jsonrpc.read_message(value)
    except RpcError as error:
        return Reply(400, jsonrpc.error_envelope(jsonrpc.readable_id(value), error.code, error.message))
    return None
