"""Proofs of possession at the worker (RFC 9449 section 7): each is good once, for one request with one token."""

import hashlib
import time
from collections import defaultdict
from dataclasses import dataclass

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol.headers import PROOF, RequestHeaders
from tenants.authorization.proofs import AGE_SECONDS, SKEW_SECONDS, BadProof, Proof, proof_read

# How long a proof may be good at most, seen from when it was first presented.
WINDOW_SECONDS = AGE_SECONDS + SKEW_SECONDS
# Of one tenant in one such time: whoever makes more calls with proofs at one worker is refused, and nobody else.
MAXIMUM_SEEN = 100_000
SCHEME = "DPoP"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for: its method, and its URL without a query."""

    method: str
    url: str


class _Seen:
    """What a tenant's clients have presented lately: two sets, of which the older is forgotten whole."""

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self._now: set[bytes] = set()
        self._before: set[bytes] = set()
        self._since = 0.0

    def add(self, digest: bytes, now: float) -> bool:
        """Whether it is new. Raises Refused(OVERLOADED)."""
        if now - self._since >= WINDOW_SECONDS:
            is_recent = now - self._since < 2 * WINDOW_SECONDS
            self._before, self._now, self._since = self._now if is_recent else set(), set(), now
        if digest in self._now or digest in self._before:
            return False
        if len(self._now) >= MAXIMUM_SEEN:
            raise Refused(refusals.OVERLOADED, "Too many requests with proofs came at once.")
        self._now.add(digest)
        return True


class SeenProofs:
    """The proofs that this worker has seen and that would still be good.

    Workers do not tell each other: that would cost every such call a round trip that costs more than the call. What is
    left to somebody who reads along is one repetition at another worker, within WINDOW_SECONDS and at the same address.
    """

    def __init__(self) -> None:
        self._tenants: defaultdict[str, _Seen] = defaultdict(_Seen)

    def is_first(self, tenant_id: str, proof: Proof, now: float) -> bool:
        """Whether a proof is seen for the first time. Raises Refused(OVERLOADED)."""
        digest = hashlib.sha256(f"{proof.key} {proof.id}".encode("utf-8", "surrogatepass")).digest()
        return self._tenants[tenant_id].add(digest, now)


def require_proof(headers: RequestHeaders, token: bytes, key: str, *, url: str, method: str) -> Proof:
    """The request's proof that its client holds `key` (a thumbprint). Raises Refused(INVALID_DPOP_PROOF)."""
    said = headers.get(PROOF)
    if said is None or PROOF in headers.repeated:
        raise Refused(refusals.INVALID_DPOP_PROOF, "Send one proof in the DPoP header.")
    try:
        proof = proof_read(said.decode("latin-1").strip(" \t"), method=method, url=url, now=time.time(), token=token)
    except BadProof as error:
        raise Refused(refusals.INVALID_DPOP_PROOF, f"The proof in the DPoP header is not good. {error}") from None
    if proof.key != key:
        raise Refused(refusals.INVALID_DPOP_PROOF, "The proof is of another key than the token's.")
    return proof
