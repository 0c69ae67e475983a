"""`requestState`: what a call knew when it asked, sealed and carried by the client (2026-07-28, basic/patterns/mrtr).

Sealed with AES-256-GCM, and bound to endpoint, principal, method and params: a state that is altered, replayed by
another, for another call, or after its time does not open.
"""

import hashlib
import time
from typing import Any

import msgspec

from core import crypto
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.sources.conversation import Answer

PURPOSE = "mcp request state"
LIFETIME_SECONDS = 600
MAXIMUM_CHARACTERS = 256 * 1024
# What a retry adds or changes; the rest of the params is the same call.
_NOT_THE_CALL = frozenset({"_meta", "inputResponses", "requestState"})


class RequestState(msgspec.Struct, frozen=True, array_like=True):
    """`answers` are of earlier rounds, `memory` what the handler left; `expires_at` is in seconds since the epoch."""

    expires_at: float
    round: int
    answers: dict[str, Answer]
    memory: dict[str, Any] = {}


def binding(endpoint_id: str, principal_id: str, method: str, params: dict[str, Any]) -> str:
    """What a state of this call is bound to."""
    same = {name: value for name, value in params.items() if name not in _NOT_THE_CALL}
    digest = hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()
    return f"{endpoint_id}/{principal_id}/{method}/{digest}"


def seal(bound_to: str, answers: dict[str, Answer], number: int, memory: dict[str, Any] | None = None) -> str:
    """The state after round `number`."""
    state = RequestState(time.time() + LIFETIME_SECONDS, number, answers, memory or {})
    return crypto.seal(PURPOSE, msgspec.json.encode(state), bound_to=bound_to)


def unseal(bound_to: str, sealed: object) -> RequestState:
    """The state that a client brings back; raises RpcError(INVALID_PARAMS) for one that is not this call's."""
    try:
        if not isinstance(sealed, str) or len(sealed) > MAXIMUM_CHARACTERS:
            raise crypto.Forged
        state = msgspec.json.decode(crypto.unseal(PURPOSE, sealed, bound_to=bound_to), type=RequestState)
    except (crypto.Forged, UnicodeError, msgspec.DecodeError):
        raise _invalid() from None
    if state.expires_at <= time.time():
        raise _invalid()
    return state


def _invalid() -> RpcError:
    return RpcError(errors.INVALID_PARAMS, "Invalid requestState: send the call again without it.")
