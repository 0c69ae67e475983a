"""Webhooks as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, and out by the one door."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence

from core.outbound import Client, FetchFailed, Limits, fetch
from core.refusals import Refused

PREFIX = "whsec_"
# The specification asks for 24 to 64 bytes.
SECRET_BYTES = 32
LIMITS = Limits(seconds=10.0, response_bytes=16 * 1024, redirects=0)


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


def webhook_post(url: str, *, identifier: str, document: Mapping[str, object], keys: Sequence[str]) -> str:
    """Sends a document within ten seconds; why it was not taken, in a sentence, or nothing where it was.

    For synchronous code without a loop. `identifier` is the same for each attempt.
    """
    if not keys:
        return "Its secret cannot be opened. Make a new one."
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = {"content-type": "application/json", **signed_headers(identifier, int(time.time()), body, keys)}
    try:
        status = asyncio.run(_posted(url, headers, body))
    except Refused as refused:
        return str(refused)
    except FetchFailed as failed:
        return f"It could not be reached: {failed}"
    return "" if 200 <= status < 300 else f"It answered {status}."


async def _posted(url: str, headers: dict[str, str], body: bytes) -> int:
    async with Client() as client:
        answer = await fetch(client, "POST", url, headers=headers, body=body, limits=LIMITS)
        return answer.status


def _signature(identifier: str, timestamp: int, body: bytes, key: str) -> str:
    signed = b"%b.%d.%b" % (identifier.encode(), timestamp, body)
    digest = hmac.new(base64.b64decode(key.removeprefix(PREFIX)), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
