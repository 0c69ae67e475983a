"""Events and webhooks of the simulator: signed, tried again, and on purpose doubled, late, reordered or lost."""

import json
from collections.abc import Iterator

import pytest
import stripe

from tests.processes import eventually
from tests.stripe_simulator.process import Simulator
from tests.webhook_receiver import Receiver

pytestmark = pytest.mark.usefixtures("simulator")

CUSTOMERS = 20


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    """A receiver; the weather is good again afterwards."""
    found = Receiver()
    yield found
    simulator.told("webhooks")
    found.close()


def listen(client: stripe.StripeClient, receiver: Receiver) -> str:
    endpoint = client.v1.webhook_endpoints.create(
        {"url": f"http://{receiver.address}/", "enabled_events": ["customer.created"]}
    )
    assert endpoint.secret
    return endpoint.secret


def heard(client: stripe.StripeClient, receiver: Receiver, secret: str) -> list[str]:
    """The ids of the events that came, each of which was genuine."""
    came = [client.construct_event(body, headers["stripe-signature"], secret) for body, headers in list(receiver.came)]
    return [event.id for event in came]


def make(client: stripe.StripeClient) -> list[str]:
    """The events of some new customers, in their order."""
    for number in range(CUSTOMERS):
        client.v1.customers.create({"email": f"{number}@example.com"})
    return [event.id for event in client.v1.events.list({"type": "customer.created", "limit": 100}).data][::-1]


def test_events_come_signed_and_in_order(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = listen(client, receiver)
    events = make(client)
    eventually(lambda: len(receiver.came) == CUSTOMERS)
    assert heard(client, receiver, secret) == events
    body, headers = receiver.came[0]
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body + b" ", headers["stripe-signature"], secret)
    assert json.loads(body)["api_version"] == stripe.api_version


def test_a_receiver_that_fails_is_tried_again(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = listen(client, receiver)
    receiver.status = 500
    client.v1.customers.create({"email": "a@example.com"})
    eventually(lambda: len(receiver.came) >= 2)
    receiver.status = 200
    assert len(set(heard(client, receiver, secret))) == 1


def test_what_is_doubled_comes_twice(simulator: Simulator, client: stripe.StripeClient, receiver: Receiver) -> None:
    simulator.told("webhooks", duplicate=1.0)
    secret = listen(client, receiver)
    events = make(client)
    eventually(lambda: len(receiver.came) == 2 * CUSTOMERS)
    assert sorted(heard(client, receiver, secret)) == sorted(events * 2)


def test_what_is_reordered_comes_all_the_same(
    simulator: Simulator, client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.told("webhooks", reorder=0.5, seed=7)
    secret = listen(client, receiver)
    events = make(client)
    simulator.told("webhooks")
    eventually(lambda: len(receiver.came) == CUSTOMERS)
    came = heard(client, receiver, secret)
    assert came != events
    assert sorted(came) == sorted(events)


def test_what_is_lost_can_still_be_listed(
    simulator: Simulator, client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.told("webhooks", drop=0.5, seed=7)
    listen(client, receiver)
    events = make(client)
    simulator.told("webhooks")
    client.v1.customers.create({"email": "last@example.com"})
    last = client.v1.events.list({"limit": 1}).data[0].id
    eventually(lambda: receiver.came and json.loads(receiver.came[-1][0])["id"] == last)
    assert 1 < len(receiver.came) < CUSTOMERS
    assert len(events) == CUSTOMERS


def test_who_is_disabled_hears_nothing(client: stripe.StripeClient, receiver: Receiver) -> None:
    listen(client, receiver)
    other = Receiver()
    try:
        listen(client, other)
        endpoint = next(made for made in client.v1.webhook_endpoints.list().data if other.address in made.url)
        client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        client.v1.customers.create({"email": "a@example.com"})
        eventually(lambda: len(receiver.came) == 1)
        assert other.came == []
    finally:
        other.close()
