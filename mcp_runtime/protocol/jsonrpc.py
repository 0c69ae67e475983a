"""JSON-RPC 2.0 on the wire: strict decoding, message kinds, and the envelopes of answers."""

from enum import Enum
from typing import Any

import msgspec

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError

MAXIMUM_DEPTH = 64
MAXIMUM_ID = 2**53  # what every JSON implementation can carry exactly (RFC 8259 section 6)
MAXIMUM_ID_CHARACTERS = 1_024  # streams hold an id as long as they are open, and repeat it with each message
_NO_ID = f'"id" is a string of at most {MAXIMUM_ID_CHARACTERS} characters, or an integer within 2^53.'

# A byte is looked for several times faster than a string of one byte.
_BACKSLASH, _QUOTE, _BRACE, _BRACKET = b'\\"{['

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Kind(Enum):
    """What a message is, by its members."""

    REQUEST = "request"
    NOTIFICATION = "notification"
    RESPONSE = "response"


class Message(msgspec.Struct, frozen=True):
    """One JSON-RPC message. `id` is encoded, and empty where there is none; `params` of a response is all of it."""

    kind: Kind
    id: bytes
    method: str
    params: Any


def decode(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259), in UTF-8. Raises RpcError(PARSE_ERROR).

    Refused beyond what JSON itself forbids: a name used twice in one object, however it is spelled (two readers
    would see two different requests), and nesting deeper than MAXIMUM_DEPTH.
    """
    try:
        value = _decode(body)
        unique = _count_quotes(body) == _count_quotes(encode(value))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise RpcError(errors.PARSE_ERROR, "The body is not valid JSON in UTF-8.") from None
    if not unique:
        raise RpcError(errors.PARSE_ERROR, "The body names a member of an object twice.")
    if body.count(_BRACE) + body.count(_BRACKET) > MAXIMUM_DEPTH and _is_deeper_than(MAXIMUM_DEPTH, value):
        raise RpcError(errors.PARSE_ERROR, f"The body is nested deeper than {MAXIMUM_DEPTH} levels.")
    return value


def _count_quotes(text: bytes) -> int:
    """How many quotes delimit strings in a valid JSON text: a repeated name, dropped by decoding, makes it fewer."""
    if _BACKSLASH in text:
        # Escapes are read from the left, so removing escaped backslashes first leaves exactly the escaped quotes.
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(_QUOTE)


def _is_deeper_than(limit: int, value: Any) -> bool:
    level = [value]
    for _depth in range(limit):
        level = [child for node in level for child in _containers_in(node)]
        if not level:
            return False
    return True


def _containers_in(node: Any) -> list[Any]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in children if isinstance(child, dict | list)]


def read_message(value: Any) -> Message:
    """The message that `value` is; raises RpcError(INVALID_REQUEST) for a malformed envelope."""
    if type(value) is not dict or value.get("jsonrpc") != "2.0":
        raise RpcError(errors.INVALID_REQUEST, 'A message is one JSON object with "jsonrpc": "2.0".', status=400)
    method = value.get("method")
    if method is None:
        return _read_response(value)
    if type(method) is not str or "result" in value or "error" in value:
        raise RpcError(errors.INVALID_REQUEST, '"method" is a string, without "result" or "error".', status=400)
    if "id" not in value:
        return Message(Kind.NOTIFICATION, b"", method, value.get("params"))
    return Message(Kind.REQUEST, _encode_id(value["id"]), method, value.get("params"))


def _read_response(value: dict[str, Any]) -> Message:
    if ("result" in value) == ("error" in value):
        raise RpcError(errors.INVALID_REQUEST, 'A message has a "method", a "result" or an "error".', status=400)
    return Message(Kind.RESPONSE, _encode_id(value["id"]) if "id" in value else b"", "", value)


def _encode_id(identifier: Any) -> bytes:
    if type(identifier) is int and -MAXIMUM_ID <= identifier <= MAXIMUM_ID:
        return b"%d" % identifier
    if type(identifier) is str and len(identifier) <= MAXIMUM_ID_CHARACTERS:
        return encode(identifier)
    raise RpcError(errors.INVALID_REQUEST, _NO_ID, status=400)


def readable_id(value: Any) -> bytes:
    """The encoded id of a message that may be malformed otherwise; empty where none can be read."""
    if type(value) is not dict or "id" not in value:
        return b""
    try:
        return _encode_id(value["id"])
    except RpcError:
        return b""


def result_envelope(identifier: bytes, result: bytes) -> bytes:
    """A response that carries `result`, which is encoded already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (identifier, result)


def error_envelope(identifier: bytes, code: int, message: str, data: dict[str, Any] | None = None) -> bytes:
    """An error response. Without an id the member is left out: MCP forbids null there."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    if not identifier:
        return b'{"jsonrpc":"2.0","error":%b}' % encode(error)
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identifier, encode(error))
