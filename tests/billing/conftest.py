"""One simulator for all tests of a run, an account of one's own for each, and a console that its webhooks reach."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import stripe
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from pytest_django import Settings

from billing.stripe.catalogue import catalogue_sync
from tests.billing.resale.selling import Seller, make_seller
from tests.billing.stripe.metered import Metered
from tests.billing.stripe.paying import Shop
from tests.conftest import Cast, unique
from tests.stripe_account import require_simulator, stripe_test_key
from tests.stripe_simulator.process import Simulator, simulator_running

# Stripe's test mode answers 429 to who asks often.
TRIES = 4


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """The process."""
    require_simulator()
    with simulator_running() as running:
        yield running


@pytest.fixture
def client(request: pytest.FixtureRequest) -> stripe.StripeClient:
    """A client of an account that has nothing yet; in test mode of the one that there is."""
    if stripe_test_key():
        return stripe.StripeClient(stripe_test_key(), max_network_retries=TRIES)
    running: Simulator = request.getfixturevalue("simulator")
    return running.client()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Says nothing."""


@pytest.fixture(scope="session")
def console_url() -> Iterator[str]:
    """The console over real HTTP, where Stripe's webhooks reach it."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def shop(request: pytest.FixtureRequest, settings: Settings, cast: Cast, console_url: str) -> Iterator[Shop]:
    """A platform that is paid, with its catalogue; Alice's tenant has no plan yet.

    The account is its own at the simulator, and in test mode the one that there is.
    """
    settings.STRIPE_WEBHOOK_SECRETS = []
    if stripe_test_key():
        settings.STRIPE_API_KEY, settings.STRIPE_API_URL = stripe_test_key(), ""
        catalogue_sync()
        yield Shop(None, stripe.StripeClient(stripe_test_key(), max_network_retries=TRIES), cast, console_url)
        return
    running: Simulator = request.getfixturevalue("simulator")
    settings.STRIPE_API_KEY, settings.STRIPE_API_URL = f"sk_test_{unique('shop')}", running.url
    made = Shop(running, running.client(settings.STRIPE_API_KEY), cast, console_url)
    catalogue_sync()
    yield made
    running.told("webhooks")
    running.told("outages", outages=[])


@pytest.fixture
def metered(shop: Shop) -> Metered:
    """Two hours after it subscribed."""
    shop.listen()
    clock = shop.clock()
    shop.buy()
    shop.deliver()
    made = Metered(shop, clock)
    made.pass_to(made.first + timedelta(hours=2))
    return made


@pytest.fixture
def seller(shop: Shop) -> Seller:
    """Alice's tenant, with an endpoint to sell; not connected yet."""
    return make_seller(shop)
