"""Signatures of webhooks, as Standard Webhooks has them: v1, HMAC-SHA256 over `id.timestamp.body`."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
# The specification asks for 24 to 64 bytes.
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as people copy it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(identifier: str, timestamp: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers of a webhook, signed with each of `keys`: two while a secret is being exchanged.

    `timestamp` is in seconds since the epoch. Source: Standard Webhooks 1.0, "Webhook Headers".
    """
    signatures = [f"v1,{_signature(identifier, timestamp, body, key)}" for key in keys]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _signature(identifier: str, timestamp: int, body: bytes, key: str) -> str:
    signed = b"%b.%d.%b" % (identifier.encode(), timestamp, body)
    digest = hmac.new(base64.b64decode(key.removeprefix(PREFIX)), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
