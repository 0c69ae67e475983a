"""A tenant's gate as a worker keeps it: the keys that verify its access tokens, and what was cut off."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from core.networks import Networks
from mcp_runtime.authorization.dpop import SeenProofs
from tenants.authorization import gate
from tenants.authorization.trusted import Keys, keys_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class ServedGate:
    """`keys` are by `kid`; `cutoffs` maps subjects to seconds since the epoch; `public_url` is the runtime's.

    `slugs` are the tenant's names in addresses. Calls come from `networks`; None: from everywhere. All gates of a
    worker share what proofs were `seen`.
    """

    version: int = 0
    public_url: str = ""
    issuers: frozenset[str] = frozenset()
    keys: dict[str, ECKey] = field(default_factory=dict)
    cutoffs: dict[str, float] = field(default_factory=dict)
    networks: Networks | None = None
    # By issuer identifier: what is trusted of it, and its keys by their `kid`.
    trusted: dict[str, tuple[gate.Trusted, Keys]] = field(default_factory=dict)
    ask_for_keys: Callable[[str], None] = lambda _issuer_id: None
    note_refused: Callable[[str, str, str], None] = lambda _tenant_id, _issuer_id, _reason: None
    seen: SeenProofs = field(default_factory=SeenProofs)
    slugs: frozenset[str] = frozenset()

    def is_cut_off(self, subjects: Iterable[str], issued_at: float) -> bool:
        """Whether what was issued then, in seconds since the epoch, for these subjects, is good no more."""
        cutoffs = self.cutoffs
        return bool(cutoffs) and any(issued_at <= cutoffs.get(subject, 0) for subject in subjects)


# A tenant that never issued a token, nor cut anything off.
NO_GATE = ServedGate()
type Gates = Callable[[bytes | None], ServedGate]


def gates(
    public_url: str,
    ask_for_keys: Callable[[str], None] = lambda _issuer_id: None,
    note_refused: Callable[[str, str, str], None] = lambda _tenant_id, _issuer_id, _reason: None,
) -> Gates:
    """What makes a gate of a published document, for a runtime that clients know as `public_url`.

    `ask_for_keys` is called with the id of a trusted issuer that signs with a key which the gate does not hold;
    `note_refused` with the ids of a tenant and of an issuer whose token was refused, and why.
    """

    seen = SeenProofs()

    def of(document: bytes | None) -> ServedGate:
        told = gate.decode(document) if document else gate.Gate()
        trusted = {one.issuer: (one, keys_of(one.keys)) for one in told.trusted}
        networks = Networks.of(told.networks) if told.networks else None
        issuers, keys = frozenset(told.issuers), _keys(told)
        known = (networks, trusted, ask_for_keys, note_refused, seen, frozenset(told.slugs))
        return ServedGate(told.version, public_url, issuers, keys, told.cutoffs, *known)

    return of


def _keys(told: gate.Gate) -> dict[str, ECKey]:
    keys: dict[str, ECKey] = {}
    for jwk in told.keys:
        try:
            keys[jwk["kid"]] = ECKey.import_key(jwk)
        except (JoseError, ValueError, KeyError):
            logger.exception("a signing key cannot be read; its tokens are refused")
    return keys
