"""How often something may be asked for: fixed windows, counted for all console processes together."""

import hashlib
import time

from django.core.cache import cache


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
