"""The rungs of the stateless era (from 2026-07-28): each request says its version, its capabilities and its name twice.

The order is that of the conformance suite: `_meta`, then agreement of headers and body, then the version, the method.
"""

from typing import Any

from core.refusals import Refused
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.conversing import check_level, check_meta
from mcp_runtime.protocol.dispatch import dispatch
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import MCP_METHOD, MCP_NAME, PROTOCOL_VERSION, RequestHeaders
from mcp_runtime.protocol.jsonrpc import Kind, Message
from mcp_runtime.protocol.mirrored import check_name
from mcp_runtime.protocol.replies import ACCEPTED, Notice, Outcome, Reply, error_reply, refusal_reply
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.revisions import NEWEST_STATELESS, STATELESS
from mcp_runtime.protocol.scene import Scene
from mcp_runtime.protocol.signals import cancelled

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
REQUIRED_MEMBERS = 2  # a request whose _meta has no more than those two has nothing else to check
SUPPORTED = tuple(sorted(STATELESS))
_MIRRORS = frozenset({PROTOCOL_VERSION, MCP_METHOD, MCP_NAME})


def receive(headers: RequestHeaders | None, value: Any, scene: Scene) -> Outcome:
    """What becomes of a message of this era."""
    identifier = b""
    try:
        message = jsonrpc.read_message(value)
        identifier = message.id
        if message.kind is not Kind.REQUEST:
            return _receive_other(message, headers)
        return _receive_request(message, headers, scene)
    except RpcError as error:
        return error_reply(identifier or jsonrpc.readable_id(value), error, NEWEST_STATELESS)
    except Refused as refused:
        return refusal_reply(refused, identifier)


def _receive_other(message: Message, headers: RequestHeaders | None) -> Reply | Notice:
    if message.kind is Kind.RESPONSE:
        raise RpcError(errors.INVALID_REQUEST, "A client posts requests and notifications, never responses.")
    if headers is None:
        # Where requests share a connection, closing cannot say which is cancelled (basic/patterns/cancellation).
        signal = cancelled(message.params, "") if message.method == "notifications/cancelled" else None
        return ACCEPTED if signal is None else Notice(signal, ACCEPTED)
    # Core defines no notification from client to server over HTTP, so one is taken and dropped; cancelling is closing.
    version = headers.text(PROTOCOL_VERSION)
    if version is not None and version not in STATELESS:
        raise _unsupported(version)
    return ACCEPTED


def _receive_request(message: Message, headers: RequestHeaders | None, scene: Scene) -> Outcome:
    if headers is not None and headers.repeated and not headers.repeated.isdisjoint(_MIRRORS):
        raise RpcError(errors.HEADER_MISMATCH, "Header mismatch: an MCP header was sent twice.")
    params, version = _read_params(message.params)
    revision = STATELESS.get(version)
    if headers is not None:
        if not headers.says(PROTOCOL_VERSION, version.encode()):
            sentence = "Header mismatch: MCP-Protocol-Version does not say what _meta says."
            raise RpcError(errors.HEADER_MISMATCH, sentence)
        if not headers.says(MCP_METHOD, message.method.encode()):
            raise RpcError(errors.HEADER_MISMATCH, "Header mismatch: Mcp-Method does not say what the body says.")
        mirrored = (revision or NEWEST_STATELESS).mirrored.get(message.method)
        if mirrored is not None:
            check_name(headers.get(MCP_NAME), params.get(mirrored))
    if revision is None:
        raise _unsupported(version)
    meta = params["_meta"]
    if len(meta) > REQUIRED_MEMBERS:
        check_meta(meta)
        check_level(meta)
    capabilities = meta[CAPABILITIES_KEY]
    return dispatch(
        message.id,
        Exchange(
            revision,
            SUPPORTED,
            scene.endpoint,
            scene.principal,
            headers,
            message.method,
            params,
            capabilities,
            scene.tasks,
        ),
    )


def _read_params(params: Any) -> tuple[dict[str, Any], str]:
    meta = params.get("_meta") if type(params) is dict else None
    if type(meta) is dict:
        version = meta.get(VERSION_KEY)
        if type(version) is str and type(meta.get(CAPABILITIES_KEY)) is dict:
            return params, version
    raise RpcError(errors.INVALID_PARAMS, f"params._meta has {VERSION_KEY} and {CAPABILITIES_KEY}.")


def _unsupported(version: str) -> RpcError:
    data = {"supported": list(SUPPORTED), "requested": version}
    return RpcError(errors.UNSUPPORTED_PROTOCOL_VERSION, f"Unsupported protocol version: {version}", data)
