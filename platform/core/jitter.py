"""Pauses that differ a little from one another, so that many who wait for the same thing do not come back at once."""

import random

# Its own: whoever uses the module's shared generator, a test with a seed for one, is not disturbed from other threads.
_generator = random.Random()  # noqa: S311  jitter needs no secrecy


def jittered(seconds: float, spread: float = 0.5) -> float:
    """`seconds`, more or less by up to `spread` of it."""
    return seconds * _generator.uniform(1 - spread, 1 + spread)


def chance() -> float:
    """A number from 0 up to 1."""
    return _generator.random()
