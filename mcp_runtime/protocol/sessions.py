"""Sessions of the handshake era: an authenticated token, so that any worker serves it without a lookup."""

import hashlib
import os
import time
from collections.abc import Callable, Container
from typing import Any

import msgspec

from core import crypto, refusals
from core.refusals import Refused
from mcp_runtime.protocol.served import Principal, ServedEndpoint

PURPOSE = "mcp session"
LIFETIME_SECONDS = 86_400
NONCE_BYTES = 16
MAXIMUM_TOKEN_BYTES = 4_096
# The token travels in a header of each request, so of large capabilities only the names are kept.
MAXIMUM_CAPABILITIES_BYTES = 1_024
MAXIMUM_REMEMBERED = 10_000


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What was negotiated, between whom. `issued_at` is in whole seconds since the epoch."""

    tenant_id: str
    endpoint_id: str
    principal_id: str
    version: str
    capabilities: dict[str, Any]
    issued_at: int
    nonce: bytes

    @property
    def expires_at(self) -> int:
        return self.issued_at + LIFETIME_SECONDS


def digest(token: bytes) -> str:
    """How a session is named where it ended: the token itself is a secret of its client."""
    return hashlib.sha256(token).hexdigest()


class SessionTokens:
    """Makes and reads tokens. `clock` returns seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._verified: dict[bytes, tuple[Session, str]] = {}

    def mint(self, endpoint: ServedEndpoint, principal: Principal, version: str, capabilities: dict[str, Any]) -> bytes:
        """A token of visible ASCII (2025-11-25, basic/transports "Session Management")."""
        session = Session(
            endpoint.tenant_id,
            endpoint.endpoint_id,
            principal.id,
            version,
            _bounded(capabilities),
            int(self._clock()),
            os.urandom(NONCE_BYTES),
        )
        body = msgspec.json.encode(session)
        return f"{crypto.encode(body)}.{crypto.encode(crypto.sign(PURPOSE, body))}".encode()

    def read(self, token: bytes, endpoint: ServedEndpoint, principal: Principal, ended: Container[str]) -> Session:
        """The session of this principal at this endpoint; raises Refused(SESSION_NOT_FOUND) for any other."""
        session, name = self._verified.get(token) or self._verify(token)
        theirs = (session.tenant_id, session.endpoint_id, session.principal_id)
        if (
            theirs != (endpoint.tenant_id, endpoint.endpoint_id, principal.id)
            or session.expires_at <= self._clock()
            or name in ended
        ):
            raise Refused(refusals.SESSION_NOT_FOUND)
        return session

    def _verify(self, token: bytes) -> tuple[Session, str]:
        if len(token) > MAXIMUM_TOKEN_BYTES:
            raise Refused(refusals.SESSION_NOT_FOUND)
        try:
            body, _, tag = token.decode("ascii").partition(".")
            message = crypto.decode(body)
            crypto.verify(PURPOSE, message, crypto.decode(tag))
            session = msgspec.json.decode(message, type=Session)
        except (crypto.Forged, UnicodeDecodeError, msgspec.DecodeError):
            raise Refused(refusals.SESSION_NOT_FOUND) from None
        if len(self._verified) >= MAXIMUM_REMEMBERED:
            self._verified.clear()
        self._verified[token] = (session, digest(token))
        return self._verified[token]


def _bounded(capabilities: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(capabilities)) > MAXIMUM_CAPABILITIES_BYTES:
        return {name: {} for name in capabilities}
    return capabilities
