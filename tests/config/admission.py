"""Whether a running platform admits one more connection: filled up to its limit, and asked again and again."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.config.paying_platform import KILLED_SECONDS, Paying
from tests.mcp_runtime.driving import BOTH, modern
from tests.processes import eventually
from tests.stripe_simulator.process import Simulator

# What the tenant may hold open before it upgrades: set beneath what plans sell, so that few streams fill it.
FEW = 3
# Two workers answer, and either may be asked: so many answers in a row are both's.
IN_A_ROW = 8
_LIMIT = "UPDATE billing_entitlement SET connections = %s"
TOO_MANY = 429


@dataclass
class Admission:
    """The demo's tenant at its endpoint, and the streams that fill it."""

    paying: Paying
    # An answer that nobody keeps is closed.
    streams: list[tuple[http.client.HTTPConnection, http.client.HTTPResponse]] = field(default_factory=list)

    def fill(self) -> None:
        """Leaves no connection free."""
        with self.paying.database(self.paying.demo()) as connection:
            connection.execute(_LIMIT, [FEW])
        self.await_admission(is_free=False)

    def await_admission(self, *, is_free: bool) -> float:
        """Waits until it is the same many times in a row; when it first was, in seconds of `time.monotonic`.

        While everything shall be taken, what still finds room is held.
        """
        since, row, ends = 0.0, 0, time.monotonic() + KILLED_SECONDS
        while row < IN_A_ROW:
            assert time.monotonic() < ends, "it did not happen in time"
            asked = time.monotonic()
            if self._is_free(held=not is_free) != is_free:
                row = 0
                continue
            row, since = row + 1, since if row else asked
        return since

    def is_full(self) -> bool:
        """Whether nobody is admitted, however often it is asked."""
        return not any(self._is_free(held=False) for _ in range(IN_A_ROW))

    def _is_free(self, *, held: bool) -> bool:
        """Whether one more stream is admitted; with `held` it stays open."""
        message, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        facts = self.paying.platform.facts
        url = urlsplit(facts["mcp_url"])
        connection = http.client.HTTPConnection("127.0.0.1", url.port or 80, timeout=20)
        told = {"authorization": f"Bearer {facts['api_key']}", "content-type": "application/json", "accept": BOTH}
        known = {name: value for name, value in headers.items() if value is not None}
        connection.request("POST", url.path, json.dumps(message), {**told, **known, "host": url.netloc})
        response = connection.getresponse()
        if response.status == 200 and held:
            self.streams.append((connection, response))
            return True
        assert response.status in {200, TOO_MANY}, response.read()
        response.close()
        connection.close()
        return response.status == 200

    def close(self) -> None:
        """Lets all streams go."""
        for connection, response in self.streams:
            response.close()
            connection.close()


@dataclass
class Webhooks:
    """What Stripe tells of a subscription, one event of it and nothing else."""

    paying: Paying

    def silence(self, *, drop: float = 1.0) -> None:
        """Has the stand-in's own webhooks be lost."""
        Simulator(self.paying.environment["STRIPE_API_URL"]).told("webhooks", drop=drop)

    def tell(self, subscription: str, kind: str) -> float:
        """Posts the event of this type, signed; when, in seconds of `time.monotonic`."""
        listed = self.paying.client.v1.events.list({"type": f"customer.subscription.{kind}", "limit": 100}).data
        event = next(each for each in listed if each.data.object["id"] == subscription)
        body = json.dumps(event.to_dict(for_json=True))
        secret = self.paying.environment["STRIPE_WEBHOOK_SECRETS"]
        headers = {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, secret)}
        url = urlsplit(self.paying.platform.facts["console_url"])
        connection = http.client.HTTPConnection("127.0.0.1", url.port or 80, timeout=20)
        began = time.monotonic()
        connection.request("POST", "/webhooks/stripe", body, headers | {"host": url.netloc})
        status = connection.getresponse().status
        connection.close()
        assert status == 200
        return began


def upgrades(paying: Paying, rounds: int, await_plan: Callable[[Callable[[], bool]], Any]) -> list[float]:
    """Seconds from each webhook's being posted to admission by the new plan's limit, and back to the former plan."""
    admission, webhooks, tenant = Admission(paying), Webhooks(paying), paying.demo()
    customer, times = paying.customer(tenant), []
    webhooks.silence()
    # What came before would be applied in the middle, and grant the limits anew.
    eventually(lambda: not paying.waiting())
    try:
        for _ in range(rounds):
            admission.fill()
            bought = paying.subscribe(customer)
            assert admission.is_full(), "it was live before it was told of"
            posted = webhooks.tell(bought.id, "created")
            times.append(admission.await_admission(is_free=True) - posted)
            paying.client.v1.subscriptions.cancel(bought.id)
            webhooks.tell(bought.id, "deleted")
            await_plan(lambda: paying.plan(tenant) == "developer-1")
    finally:
        admission.close()
        webhooks.silence(drop=0.0)
    return times
