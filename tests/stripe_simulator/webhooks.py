"""Webhooks: who hears of which events, signed as Stripe signs, and what goes wrong on the way if it is told to."""

import json
import queue
import random
import threading
import time
from dataclasses import dataclass, field

import requests
import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account, new_id
from tests.stripe_simulator.catalogue import changed
from tests.stripe_simulator.routing import Request, fits, page, readable, route
from tests.stripe_simulator.shapes import Object

RETRY_SECONDS = (0.2, 1.0, 5.0, 30.0)
SEND_SECONDS = 10.0

readable("event", "/v1/events", params.EventRetrieveParams)
readable("webhook_endpoint", "/v1/webhook_endpoints", params.WebhookEndpointRetrieveParams,
         params.WebhookEndpointListParams)  # fmt: skip


@dataclass
class Weather:
    """What happens to deliveries: shares from 0 to 1, seconds, and a seed that makes it the same each time."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay_seconds: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311  no secret


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one place."""

    url: str
    secret: str
    body: str
    tries: int = 0


class Deliverer:
    """Sends events one after another in a thread of its own, as the weather allows."""

    def __init__(self) -> None:
        self.weather = Weather()
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._held: list[Delivery] = []
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def heard(self, account: Account, event: Object) -> None:
        """Sends an event to whoever wants to hear of it."""
        listener = account.platform or account
        if account.platform:
            event["account"] = account.id
        for endpoint in listener.all("webhook_endpoint", status="enabled"):
            wanted, is_for_others = endpoint["enabled_events"], listener.connect_endpoints.get(endpoint["id"], False)
            if {event["type"], "*"} & set(wanted) and is_for_others == bool(account.platform):
                event["pending_webhooks"] += 1
                self._put(Delivery(endpoint["url"], listener.secrets[endpoint["id"]], json.dumps(event)))

    def _put(self, delivery: Delivery) -> None:
        chance = self.weather.chance
        if chance.random() < self.weather.drop:
            return
        if chance.random() < self.weather.reorder:
            self._held.append(delivery)
            return
        for each in [delivery] * (2 if chance.random() < self.weather.duplicate else 1):
            self._waiting.put(each)
        self.release()

    def release(self) -> None:
        """Sends what was held back, after what came later."""
        while self._held:
            self._waiting.put(self._held.pop())

    def stop(self) -> None:
        """Sends no more."""
        self._waiting.put(None)
        self._thread.join(SEND_SECONDS)

    def _run(self) -> None:
        while delivery := self._waiting.get():
            time.sleep(self.weather.delay_seconds)
            if not _sent(delivery) and delivery.tries < len(RETRY_SECONDS):
                later = Delivery(delivery.url, delivery.secret, delivery.body, delivery.tries + 1)
                timer = threading.Timer(RETRY_SECONDS[delivery.tries], self._waiting.put, [later])
                timer.daemon = True
                timer.start()


def _sent(delivery: Delivery) -> bool:
    signature = stripe.WebhookSignature.generate_signature_header(delivery.body, delivery.secret)
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
    try:
        answer = requests.post(
            delivery.url, delivery.body.encode(), headers=headers, timeout=SEND_SECONDS, allow_redirects=False
        )
    except requests.RequestException:
        return False
    return 200 <= answer.status_code < 300


@route("GET", "/v1/events", params.EventListParams)
def event_list(request: Request) -> Object:
    """Events, the latest first, by type and time."""
    given = request.params
    types = given.get("types") or ([given["type"]] if "type" in given else None)
    found = [
        event
        for event in request.account.all("event")
        if (types is None or event["type"] in types)
        and ("created" not in given or fits(event["created"], given["created"]))
    ]
    return page(request, found)


@route("POST", "/v1/webhook_endpoints", params.WebhookEndpointCreateParams)
def endpoint_create(request: Request) -> Object:
    """Somewhere that wants to hear of events. The secret is said once."""
    account, given = request.account, request.params
    made = account.make(
        stripe.WebhookEndpoint, url=given["url"], enabled_events=given["enabled_events"], status="enabled",
        api_version=given.get("api_version"), description=given.get("description") or None,
        metadata=given.get("metadata") or {},
    )  # fmt: skip
    account.secrets[made["id"]] = f"whsec_{new_id('event')}"
    account.connect_endpoints[made["id"]] = bool(given.get("connect"))
    return made | {"secret": account.secrets[made["id"]]}


def listen(account: Account, url: str, secret: str) -> None:
    """Sends all events of an account, and of those under it, to one place alone, signed with a secret it knows."""
    for former in list(account.all("webhook_endpoint")):
        account.drop(former)
    for is_for_others in (False, True):
        made = account.make(stripe.WebhookEndpoint, url=url, enabled_events=["*"], status="enabled", metadata={})
        account.secrets[made["id"]] = secret
        account.connect_endpoints[made["id"]] = is_for_others


@route("POST", "/v1/webhook_endpoints/{}", params.WebhookEndpointUpdateParams)
def endpoint_update(request: Request) -> Object:
    """Changes where, of what, or whether it hears."""
    given = dict(request.params)
    if "disabled" in given:
        given["status"] = "disabled" if given.pop("disabled") else "enabled"
    return changed(request.account, request.account.get("webhook_endpoint", request.ids[0]), given)


@route("DELETE", "/v1/webhook_endpoints/{}", params.WebhookEndpointDeleteParams)
def endpoint_delete(request: Request) -> Object:
    """Hears no more."""
    request.account.drop(request.account.get("webhook_endpoint", request.ids[0]))
    return {"id": request.ids[0], "object": "webhook_endpoint", "deleted": True}
