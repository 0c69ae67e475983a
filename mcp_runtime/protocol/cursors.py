"""Cursors of lists: opaque to clients, authenticated, and good for one endpoint and one principal."""

import msgspec

from core import crypto
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError

PURPOSE = "list cursor"
MAXIMUM_CHARACTERS = 1_024


def mint(endpoint_id: str, principal_id: str, after: str) -> str:
    """A cursor that goes on after the item named `after`."""
    body = msgspec.json.encode((endpoint_id, principal_id, after))
    return f"{crypto.encode(body)}.{crypto.encode(crypto.sign(PURPOSE, body))}"


def read(cursor: object, endpoint_id: str, principal_id: str) -> str:
    """The name that the list goes on after; raises RpcError(INVALID_PARAMS) for a cursor that is not theirs."""
    try:
        if not isinstance(cursor, str) or len(cursor) > MAXIMUM_CHARACTERS:
            raise crypto.Forged
        body, _, tag = cursor.partition(".")
        message = crypto.decode(body)
        crypto.verify(PURPOSE, message, crypto.decode(tag))
        owner, holder, after = msgspec.json.decode(message, type=tuple[str, str, str])
    except (crypto.Forged, msgspec.DecodeError, UnicodeError):
        raise _invalid() from None
    if (owner, holder) != (endpoint_id, principal_id):
        raise _invalid()
    return after


def _invalid() -> RpcError:
    return RpcError(errors.INVALID_PARAMS, "Invalid cursor: list again from the start.")
