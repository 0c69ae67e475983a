"""Logins that are under way: kept, sealed, in the browser session that began them, for one answer and ten minutes."""

import time
from collections.abc import MutableMapping
from typing import Any

import msgspec

from core import crypto
from core.crypto import Forged

KEY = "sso.pending"
PURPOSE = "sso login"
LIFETIME_SECONDS = 600
MAXIMUM_UNDER_WAY = 5


class Pending(msgspec.Struct, frozen=True):
    """What was asked of a provider, and where the person goes then. A trial lets nobody in.

    `nonce` and `verifier` are OpenID Connect's, `request_id` is SAML's.
    """

    tenant_id: str
    connection_id: str
    onward: str
    is_trial: bool = False
    nonce: str = ""
    verifier: str = ""
    request_id: str = ""
    began_at: float = 0.0

    def __repr__(self) -> str:
        return f"Pending(connection_id={self.connection_id!r}, is_trial={self.is_trial!r})"


_decode = msgspec.json.Decoder(Pending).decode


def pending_kept(session: MutableMapping[str, Any], pending: Pending, state: str) -> None:
    """Keeps a login in a browser session under the state by which its answer is known."""
    begun = msgspec.structs.replace(pending, began_at=time.time())
    kept = dict(list(_kept(session).items())[-(MAXIMUM_UNDER_WAY - 1) :])
    kept[state] = crypto.seal(PURPOSE, msgspec.json.encode(begun), bound_to=state)
    session[KEY] = kept


def pending_taken(session: MutableMapping[str, Any], state: str) -> Pending | None:
    """The login that an answer's state belongs to, used up by this; None for one that this browser did not begin."""
    kept = _kept(session)
    sealed = kept.pop(state, None)
    if sealed is None:
        return None
    session[KEY] = kept
    try:
        found = _decode(crypto.unseal(PURPOSE, sealed, bound_to=state))
    except (Forged, msgspec.DecodeError):
        return None
    return found if time.time() < found.began_at + LIFETIME_SECONDS else None


def _kept(session: MutableMapping[str, Any]) -> dict[str, str]:
    found = session.get(KEY)
    return dict(found) if isinstance(found, dict) else {}
