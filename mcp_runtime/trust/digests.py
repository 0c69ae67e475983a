"""The digest of a definition, by which an approved one is told from one that drifted."""

import hashlib
from typing import Any

import msgspec


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of the document's one canonical form (sorted names, no spaces), as hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()
