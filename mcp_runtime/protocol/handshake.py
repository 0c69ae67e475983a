"""The rungs of the handshake era (2024-11-05 to 2025-11-25): initialize gives a session, and each request names it.

What needs no session is served without one too: a client that asks once, and then goes, need not begin anything.
"""

from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.conversing import check_meta
from mcp_runtime.protocol.dispatch import dispatch
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.features.lifecycle import read_initialize
from mcp_runtime.protocol.headers import PROTOCOL_VERSION, SESSION_ID, RequestHeaders
from mcp_runtime.protocol.jsonrpc import Kind, Message
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import ACCEPTED, Batch, Notice, Outcome, Reply, Work, error_reply, refusal_reply
from mcp_runtime.protocol.revision import Exchange, Signal
from mcp_runtime.protocol.revisions import HANDSHAKE, HANDSHAKE_VERSIONS, NEWEST_HANDSHAKE
from mcp_runtime.protocol.scene import Scene, Standing
from mcp_runtime.protocol.sessions import Session, digest
from mcp_runtime.protocol.signals import ANSWERED, cancelled

SUPPORTED = tuple(sorted(HANDSHAKE))
# 2025-06-18, basic/transports "Protocol Version Header": what to assume where nothing else tells.
ASSUMED = "2025-03-26"
MAXIMUM_BATCH = 100


def receive(headers: RequestHeaders | None, value: Any, scene: Scene) -> Outcome:
    """What becomes of a message of this era, or of a batch of them."""
    identifier = jsonrpc.readable_id(value)
    revision = NEWEST_HANDSHAKE
    try:
        if type(value) is list:
            return _receive_batch(headers, value, scene)
        message = jsonrpc.read_message(value)
        if message.kind is Kind.REQUEST and message.method == "initialize":
            return _initialize(message, headers, scene)
        standing = _standing_of(headers, scene)
        revision = standing.revision
        return _receive_one(message, standing, headers, scene)
    except RpcError as error:
        return error_reply(identifier, error, revision)
    except Refused as refused:
        return refusal_reply(refused, identifier)


def claims(headers: RequestHeaders) -> bool:
    """Whether a request without a body belongs to this era: the stateless one has neither GET nor DELETE."""
    version = headers.text(PROTOCOL_VERSION)
    if version is None:
        return headers.get(SESSION_ID) is not None
    return version in HANDSHAKE_VERSIONS


def session_of(headers: RequestHeaders, scene: Scene) -> Session:
    """The session that a request names; its version header, if it has one, must be the negotiated one.

    Raises RpcError(INVALID_REQUEST) with status 400, and Refused(SESSION_NOT_FOUND) for a session that is not theirs.
    """
    token = headers.get(SESSION_ID, b"").strip(b" \t")
    if not token or SESSION_ID in headers.repeated:
        raise RpcError(errors.INVALID_REQUEST, "Initialize first, then send one Mcp-Session-Id header.", status=400)
    session = scene.sessions.read(token, scene.endpoint, scene.principal, scene.ended)
    if session.version not in HANDSHAKE:
        raise Refused(refusals.SESSION_NOT_FOUND)  # negotiated with an earlier release of ours
    version = headers.text(PROTOCOL_VERSION)
    if PROTOCOL_VERSION in headers.repeated or version not in (None, session.version):
        sentence = f"MCP-Protocol-Version is {session.version} in this session."
        raise RpcError(errors.INVALID_REQUEST, sentence, status=400)
    return session


def _standing_of(headers: RequestHeaders | None, scene: Scene) -> Standing:
    """What a request goes by: its connection's session or the one it names, or else what its version header says."""
    if headers is None:
        return scene.standing or Standing(HANDSHAKE[ASSUMED], {})
    if SESSION_ID in headers.values:
        session = session_of(headers, scene)
        token = headers.values[SESSION_ID].strip(b" \t")
        return Standing(HANDSHAKE[session.version], session.capabilities, token)
    version = headers.text(PROTOCOL_VERSION) or ASSUMED
    if PROTOCOL_VERSION in headers.repeated or version not in HANDSHAKE:
        raise RpcError(errors.INVALID_REQUEST, f"MCP-Protocol-Version is one of {', '.join(SUPPORTED)}.", status=400)
    return Standing(HANDSHAKE[version], {})


def _initialize(message: Message, headers: RequestHeaders | None, scene: Scene) -> Outcome:
    """Negotiates: the version asked for where it is served, else the newest that has a handshake."""
    if scene.standing is not None:
        raise RpcError(errors.INVALID_REQUEST, "This connection was initialized already.", status=400)
    asked, said = read_initialize(message.params)
    revision = HANDSHAKE.get(asked, NEWEST_HANDSHAKE)
    capabilities = revision.declared(said)
    token = scene.sessions.mint(scene.endpoint, scene.principal, revision.version, capabilities)
    exchange = Exchange(
        revision,
        SUPPORTED,
        scene.endpoint,
        scene.principal,
        headers,
        message.method,
        message.params,
        capabilities,
        scene.tasks,
    )
    reply = dispatch(message.id, exchange)
    return Reply(200, reply.body, ((SESSION_ID, token),)) if isinstance(reply, Reply) else reply


def standing_given(reply: Reply, scene: Scene) -> Standing | None:
    """What the answer to `initialize` has negotiated, for a connection that is its own session; else None."""
    token = dict(reply.headers).get(SESSION_ID)
    if token is None:
        return None
    session = scene.sessions.read(token, scene.endpoint, scene.principal, scene.ended)
    return Standing(HANDSHAKE[session.version], session.capabilities, token)


def _receive_one(
    message: Message, standing: Standing, headers: RequestHeaders | None, scene: Scene
) -> Reply | Work | Notice:
    token = standing.token
    if message.kind is Kind.RESPONSE:
        if not token:
            raise _needs_session("An answer")
        return Notice(Signal(ANSWERED, digest(token), message.params), ACCEPTED)
    if message.kind is Kind.NOTIFICATION:
        return _notified(message, token)
    params = {} if message.params is None else message.params
    if type(params) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params is an object.")
    if "_meta" in params:
        check_meta(params["_meta"])
    exchange = Exchange(
        standing.revision,
        SUPPORTED,
        scene.endpoint,
        scene.principal,
        headers,
        message.method,
        params,
        standing.capabilities,
        scene.tasks,
        token,
    )
    outcome = dispatch(message.id, exchange)
    if isinstance(outcome, Listen):
        raise RpcError(errors.METHOD_NOT_FOUND, f"Method not found: {message.method}")
    if isinstance(outcome, Notice) and not token:
        raise _needs_session(message.method)
    return outcome


def _needs_session(what: str) -> RpcError:
    sentence = f"{what} needs a session: initialize, then send its Mcp-Session-Id."
    return RpcError(errors.INVALID_REQUEST, sentence, status=400)


def _notified(message: Message, token: bytes) -> Reply | Notice:
    """A client's notifications: of them, cancelling is heard; the others tell nothing that is kept."""
    if message.method != "notifications/cancelled":
        return ACCEPTED
    signal = cancelled(message.params, digest(token) if token else "")
    return ACCEPTED if signal is None else Notice(signal, ACCEPTED)


def _receive_batch(headers: RequestHeaders | None, values: list[Any], scene: Scene) -> Outcome:
    standing = _standing_of(headers, scene)
    if not standing.revision.batches or not 0 < len(values) <= MAXIMUM_BATCH:
        sentence = f"A batch of 1 to {MAXIMUM_BATCH} messages is taken in 2025-03-26 alone."
        raise RpcError(errors.INVALID_REQUEST, sentence, status=400)
    parts = [_receive_part(value, standing, headers, scene) for value in values]
    answers = [part for part in parts if part is not ACCEPTED]
    return Batch(answers) if answers else ACCEPTED


def _receive_part(
    value: Any, standing: Standing, headers: RequestHeaders | None, scene: Scene
) -> Reply | Work | Notice:
    try:
        message = jsonrpc.read_message(value)
        if message.method == "initialize":
            raise RpcError(errors.INVALID_REQUEST, "initialize is never part of a batch.")
        return _receive_one(message, standing, headers, scene)
    except RpcError as error:
        return error_reply(jsonrpc.readable_id(value), error, standing.revision)
