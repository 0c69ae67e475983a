"""Envelope encryption: values are sealed with data keys, and data keys are wrapped with the platform's key.

Without Django, because workers open what the console sealed. A data key is a tenant's alone and has a version; each
sealed value says which version sealed it. Where a value stands is authenticated with it: moved to another tenant,
purpose or row, it cannot be opened.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import crypto
from core.crypto import NONCE_BYTES, TAG_BYTES, Forged

KEY_BYTES = 32  # AES-256
WRAPPING = "vault tenant key"
_SEPARATOR = "."
MAXIMUM_DIGITS = 9  # of a version


class KeyGone(Exception):
    """The key that sealed a value was destroyed: nobody can open the value again."""


class Place(NamedTuple):
    """Where a sealed value stands: whose it is, what it is for, and the row, told by as many texts as it takes."""

    tenant_id: str
    purpose: str
    row: tuple[str, ...]


def new_wrapped_key(tenant_id: str, version: int) -> str:
    """A fresh data key, wrapped: only this form of it is ever stored."""
    return crypto.seal(WRAPPING, os.urandom(KEY_BYTES), bound_to=_bound(tenant_id, version))


def unwrap(wrapped: str, tenant_id: str, version: int) -> bytes:
    """The data key; raises Forged when it was altered, is another's, or the platform's key that wrapped it is gone."""
    return crypto.unseal(WRAPPING, wrapped, bound_to=_bound(tenant_id, version))


def rewrapped(wrapped: str, tenant_id: str, version: int) -> str:
    """The same data key, wrapped with the platform's current key. Raises Forged."""
    return crypto.seal(WRAPPING, unwrap(wrapped, tenant_id, version), bound_to=_bound(tenant_id, version))


def version_of(sealed: str) -> int:
    """The version of the key that sealed a value; raises Forged for what was never sealed."""
    version, separator, _rest = sealed.partition(_SEPARATOR)
    if not separator or not (version.isascii() and version.isdecimal()) or len(version) > MAXIMUM_DIGITS:
        raise Forged
    return int(version)


@dataclass(frozen=True, slots=True)
class Keyring:
    """A tenant's data keys, wrapped, by version. Each is unwrapped while it is used and not kept in clear."""

    tenant_id: str
    wrapped: Mapping[int, str] = field(repr=False)

    @property
    def current(self) -> int:
        """The version that seals; raises KeyGone when there is none."""
        if not self.wrapped:
            raise KeyGone
        return max(self.wrapped)

    def seal(self, purpose: str, plaintext: bytes, *row: str) -> str:
        """AES-256-GCM encrypts `plaintext` with the current key, bound to tenant, purpose and row."""
        version, nonce = self.current, os.urandom(NONCE_BYTES)
        place = Place(self.tenant_id, purpose, row)
        raw = nonce + self._cipher(version).encrypt(nonce, plaintext, _associated(place, version))
        return f"{version}{_SEPARATOR}{crypto.encode(raw)}"

    def unseal(self, purpose: str, sealed: str, *row: str) -> bytes:
        """The plaintext; raises KeyGone, and Forged for a value that was altered, or stands where it was not put."""
        version = version_of(sealed)
        raw = crypto.decode(sealed.partition(_SEPARATOR)[2])
        if len(raw) < NONCE_BYTES + TAG_BYTES:
            raise Forged
        associated = _associated(Place(self.tenant_id, purpose, row), version)
        try:
            return self._cipher(version).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], associated)
        except InvalidTag:
            raise Forged from None

    def resealed(self, purpose: str, sealed: str, *row: str) -> str:
        """The same value, sealed with the current key. Raises KeyGone and Forged."""
        return self.seal(purpose, self.unseal(purpose, sealed, *row), *row)

    def _cipher(self, version: int) -> AESGCM:
        wrapped = self.wrapped.get(version)
        if wrapped is None:
            raise KeyGone
        return AESGCM(unwrap(wrapped, self.tenant_id, version))


def _bound(tenant_id: str, version: int) -> str:
    return f"{tenant_id}/{version}"


def _associated(place: Place, version: int) -> bytes:
    # JSON, because texts that are merely joined can be cut elsewhere and mean another row.
    return msgspec.json.encode([version, *place])
