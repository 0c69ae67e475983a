"""Stripe failing at one request after another of what the platform does, until all of it has gone through once."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from billing.stripe import client
from billing.stripe.client import is_passing
from core.refusals import Refused
from tests.stripe_simulator.process import Simulator

# How long the platform waits for an answer here, and for how long one does not come.
WAITS, SILENT = 0.25, 0.6


class NotYet(Exception):
    """What was to be done is left for later, as it should be where Stripe is away."""


@dataclass(frozen=True)
class Fault:
    """How requests fail: `how` is the simulator's `Outage`."""

    simulator: Simulator
    how: dict[str, Any]

    def at_each_request[T](self, act: Callable[[], T]) -> T:
        """Has the act fail at its first request, then at its second, and so on; what it returns when none failed.

        Each time it has to say that it is for later.
        """
        outcomes = (self._outcome(act, number) for number in itertools.count())
        return next(done for done, is_whole in outcomes if is_whole and not isinstance(done, Exception))

    def _outcome[T](self, act: Callable[[], T], number: int) -> tuple[T | Exception, bool]:
        """What the act came to while one of its requests was to fail; whether none did."""
        self.simulator.told("outages", outages=[self.how | {"after": number}])
        try:
            return act(), self._healed()
        except (Refused, stripe.StripeError, NotYet) as error:
            if not _is_for_later(error):
                raise
            return error, False

    def _healed(self) -> bool:
        """Ends the outage; whether it had not come yet."""
        return bool(self.simulator.told("outages", outages=[])["left"])


def _is_for_later(error: Exception) -> bool:
    if isinstance(error, Refused):
        return error.refusal.name == "temporarily_unavailable"
    return isinstance(error, NotYet) or is_passing(error)


@contextmanager
def impatient(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The platform's client neither waits long nor tries again by itself: each failure is seen."""
    patch.setattr(client, "CONNECT_SECONDS", WAITS)
    patch.setattr(client, "READ_SECONDS", WAITS)
    patch.setattr(client, "RETRIES", 0)
    client._client.cache_clear()  # noqa: SLF001  made with the former
    yield
    client._client.cache_clear()  # noqa: SLF001
