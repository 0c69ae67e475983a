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
def shop(simulator: Simulator, settings: Settings, cast: Cast, console_url: str) -> Iterator[Shop]:
    """A platform that is paid through an account of its own, with its catalogue; Alice's tenant has no plan yet."""
    settings.STRIPE_API_KEY = f"sk_test_{unique('shop')}"
    settings.STRIPE_API_URL = simulator.url
    settings.STRIPE_WEBHOOK_SECRETS = []
    made = Shop(simulator, simulator.client(settings.STRIPE_API_KEY), cast, console_url)
    catalogue_sync()
    yield made
    simulator.told("webhooks")
    simulator.told("outages", outages=[])


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
