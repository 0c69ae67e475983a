"""The ladder that every message climbs: JSON, the era, and then that era's rungs; the first failure answers."""

from typing import Any

from mcp_runtime.protocol import handshake, jsonrpc, stateless
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import PROTOCOL_VERSION, RequestHeaders
from mcp_runtime.protocol.replies import Outcome, Reply
from mcp_runtime.protocol.revisions import HANDSHAKE_VERSIONS
from mcp_runtime.protocol.scene import Scene

_HANDSHAKE_VERSIONS = frozenset(version.encode() for version in HANDSHAKE_VERSIONS)


def receive(headers: RequestHeaders | None, body: bytes, scene: Scene) -> Outcome:
    """What becomes of a message whose transport, endpoint and principal were checked.

    `headers` are those of its POST, and None on a transport whose messages have none.
    """
    try:
        value = jsonrpc.decode(body)
    except RpcError as error:
        return Reply(400, jsonrpc.error_envelope(b"", error.code, error.message))
    if _is_stateless(headers, value):
        return stateless.receive(headers, value, scene)
    return handshake.receive(headers, value, scene)


def receive_in_session(_headers: RequestHeaders | None, body: bytes, scene: Scene) -> Outcome:
    """The same on a transport of the handshake era alone, where what the newer one puts in the body means nothing."""
    try:
        value = jsonrpc.decode(body)
    except RpcError as error:
        return Reply(400, jsonrpc.error_envelope(b"", error.code, error.message))
    return handshake.receive(None, value, scene)


def _is_stateless(headers: RequestHeaders | None, value: Any) -> bool:
    """Which era a message is framed in: by its header, or else by what only the newer era puts in the body."""
    version = None if headers is None else headers.get(PROTOCOL_VERSION)
    if version is not None and version.strip(b" \t") not in _HANDSHAKE_VERSIONS:
        return True
    if type(value) is not dict:
        return False
    params = value.get("params")
    meta = params.get("_meta") if type(params) is dict else None
    return type(meta) is dict and stateless.VERSION_KEY in meta
