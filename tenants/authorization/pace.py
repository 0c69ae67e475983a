"""How often something may be asked for: fixed windows, counted for all console processes together."""

import hashlib
import time
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from django.core.cache import cache

PER_ADDRESS, PER_TENANT = 30, 300  # in ten minutes
WINDOW_SECONDS = 600


class TooMany(OAuth2Error):
    """Something is asked for faster, or there is more of it, than anybody needs."""

    error = "temporarily_unavailable"
    status_code = 429

    def get_headers(self) -> list[tuple[str, str]]:
        """When to come again."""
        return [*super().get_headers(), ("Retry-After", str(WINDOW_SECONDS))]


def require(what: str, tenant_id: UUID, address: str) -> None:
    """Raises TooMany where programs ask a tenant for `what`, which nobody has to be known for, too often."""
    fast = not is_within(what, f"{tenant_id} {address}", most=PER_ADDRESS, seconds=WINDOW_SECONDS)
    if fast or not is_within(what, str(tenant_id), most=PER_TENANT, seconds=WINDOW_SECONDS):
        raise TooMany("This is asked for too often. Try again later.")


def is_within(what: str, whose: str, *, most: int, seconds: int) -> bool:
    """Counts one more, and says whether that is at most `most` in this window of `seconds`."""
    window = int(time.time()) // seconds
    name = f"pace:{what}:{hashlib.sha256(whose.encode()).hexdigest()}:{window}"
    if cache.add(name, 1, 2 * seconds):
        return True
    try:
        return int(cache.incr(name)) <= most
    except ValueError:  # forgotten between the two: its window is over
        return True
