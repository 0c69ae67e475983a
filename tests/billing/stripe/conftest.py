"""One simulator for all tests of a run, and an account of one's own for each."""

from collections.abc import Iterator

import pytest
import stripe

from tests.stripe_simulator.process import Simulator, simulator_running


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """The process."""
    with simulator_running() as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> stripe.StripeClient:
    """A client of an account that has nothing yet."""
    return simulator.client()
