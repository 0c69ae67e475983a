"""A platform that takes payments, as its tenants and as Stripe see it."""

import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe
from django.conf import settings

from billing.entitlements import entitlement_of
from billing.plans.models import Entitlement
from billing.stripe.applying import event_apply
from billing.stripe.catalogue_names import TENANT, Interval
from billing.stripe.checkout import checkout_begin
from billing.stripe.customers import customer_known, customer_link
from billing.stripe.families import WANTED_EVENTS
from billing.stripe.models import WAITING, StripeEvent, Subscription
from billing.stripe.subscriptions import subscription_latest
from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.models import Tenant
from tests.conftest import Cast
from tests.processes import eventually
from tests.stripe_account import require_simulator
from tests.stripe_simulator.process import Simulator

DAY, HOUR = 86_400, 3_600
GOOD, FAILS_LATER, REFUSED = "4242424242424242", "4000000000000341", "4000000000000002"
BACK = "http://127.0.0.1:1/back"
# The same cards as programs name them (Stripe, "Testing").
_NAMED = {GOOD: "pm_card_visa", FAILS_LATER: "pm_card_chargeCustomerFail", REFUSED: "pm_card_chargeDeclined"}
# How long Stripe may take to let a month pass.
ADVANCING_SECONDS = 90.0


@dataclass
class Shop:
    """The account at Stripe, and the tenant that pays there."""

    at_simulator: Simulator | None
    client: stripe.StripeClient
    cast: Cast
    console_url: str
    began: int = field(default_factory=lambda: int(time.time()))

    @property
    def simulator(self) -> Simulator:
        """What does as it is told; a test that needs it is skipped where Stripe itself is spoken to."""
        require_simulator()
        assert self.at_simulator is not None
        return self.at_simulator

    @property
    def tenant(self) -> Tenant:
        return self.cast.tenant

    @property
    def alice(self) -> Actor:
        return self.cast.acting(self.cast.alice)

    def listen(self) -> str:
        """Has Stripe send its webhooks to the console; the secret that they are signed with."""
        if self.at_simulator is None:
            settings.STRIPE_WEBHOOK_SECRETS = [f"whsec_{secrets.token_hex(16)}"]
            return str(settings.STRIPE_WEBHOOK_SECRETS[0])
        asked: Any = {"url": f"{self.console_url}/webhooks/stripe", "enabled_events": list(WANTED_EVENTS)}
        endpoint = self.client.v1.webhook_endpoints.create(asked)
        assert endpoint.secret
        settings.STRIPE_WEBHOOK_SECRETS = [endpoint.secret, *settings.STRIPE_WEBHOOK_SECRETS]
        return endpoint.secret

    def buy(self, plan: str = "professional", interval: Interval = Interval.MONTH, card: str = GOOD) -> None:
        """What Alice does: chooses a plan, and pays on the page that she is led to."""
        url = checkout_begin(actor=self.alice, plan=plan, interval=interval, back_url=BACK)
        if self.at_simulator is None:
            # What the page would do; the numbers of cards are for people, Stripe's names of them for programs.
            self.subscribe(self.customer(), f"{plan}-1-{interval}", _NAMED[card])
            return
        paid = self.type_card(url, card)
        assert (paid.status_code, paid.headers["location"]) == (303, BACK)

    def subscribe(self, customer: str, price: str = "professional-1-month", card: str = "pm_card_visa") -> str:
        """What an operator can do by hand: a subscription to a price, by id or by key; its id."""
        method = self.client.v1.payment_methods.attach(card, {"customer": customer})
        found = self.client.v1.prices.list({"lookup_keys": [price]}).data
        subscribed = self.client.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": found[0].id if found else price}],
                "default_payment_method": method.id,
            }
        )
        return subscribed.id

    def subscription_at_stripe(self) -> stripe.Subscription:
        """The only one of the tenant, as Stripe has it."""
        asked: Any = {"status": "all"} if self.at_simulator else {"status": "all", "customer": self.customer()}
        (found,) = self.client.v1.subscriptions.list(asked).data
        return found

    def customer(self) -> str:
        """The tenant's, as it was linked first."""
        return customer_known(self.tenant.id)

    def now(self) -> datetime:
        """What time it is."""
        return datetime.now(UTC)

    @staticmethod
    def type_card(url: str, card: str) -> httpx.Response:
        """What the hosted page answers to a card."""
        return httpx.post(url, data={"card": card})

    @property
    def key(self) -> str:
        """The account's."""
        return str(settings.STRIPE_API_KEY)

    def events(self) -> list[stripe.Event]:
        """What happened in the account and means something, the first first; in test mode to this tenant alone."""
        asked: Any = {"limit": 100} if self.at_simulator else {"limit": 100, "created": {"gte": self.began}}
        listed = self.client.v1.events.list(asked).auto_paging_iter()
        return [event for event in listed if event.type in WANTED_EVENTS and self._is_ours(event)][::-1]

    def _is_ours(self, event: stripe.Event) -> bool:
        about = event.data.object
        return bool(self.at_simulator) or self.customer() in {about.get("customer"), about.get("id")}

    def arrived(self) -> None:
        """Waits until each event that happened is stored."""
        if self.at_simulator is None:
            for event in self.events():
                self.send(json.loads(str(event)), settings.STRIPE_WEBHOOK_SECRETS[0])
        identifiers = {event.id for event in self.events()}
        eventually(lambda: StripeEvent.objects.filter(pk__in=identifiers).count() == len(identifiers))

    def work(self) -> None:
        """What jobs do with this account's events that are due."""
        for event in self.events():
            event_apply(event.id)

    def deliver(self) -> None:
        """Waits until webhooks brought everything, and has it applied."""
        self.arrived()
        self.work()
        assert not StripeEvent.objects.filter(pk__in=[event.id for event in self.events()], state__in=WAITING)

    def entitlement(self) -> Entitlement:
        """What the tenant has."""
        with tenant_context(self.tenant.id):
            return entitlement_of(self.tenant.id)

    def has(self) -> tuple[str, str, int | None]:
        """Its plan, how it stands, and how many connections it may have."""
        held = self.entitlement()
        return held.plan_id, held.standing, held.connections

    def subscription(self) -> Subscription:
        """The mirror's row."""
        with tenant_context(self.tenant.id):
            row = subscription_latest(self.tenant.id)
        assert row is not None
        return row

    def send(self, event: dict[str, Any] | bytes, secret: str, *, at: int | None = None) -> httpx.Response:
        """A webhook as Stripe signs it at a time."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signed = stripe.WebhookSignature.generate_signature_header(body.decode("utf-8", "replace"), secret, at)
        return self.post(body, signed)

    def post(self, body: bytes, signature: str) -> httpx.Response:
        """Something at the address of webhooks."""
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        return httpx.post(f"{self.console_url}/webhooks/stripe", content=body, headers=headers)

    def clock(self) -> "Clock":
        """A customer of Stripe's for the tenant, whose time stands until it is advanced."""
        began = int(time.time())
        clock = self.client.v1.test_helpers.test_clocks.create({"frozen_time": began})
        customer = self.client.v1.customers.create(
            {"test_clock": clock.id, "metadata": {TENANT: str(self.tenant.id)}, "email": self.cast.alice.email}
        )
        customer_link(tenant_id=self.tenant.id, customer=customer.id)
        return Clock(self, clock.id, customer.id, began)


@dataclass
class Clock:
    """Time at Stripe, for one customer."""

    shop: Shop
    id: str
    customer: str
    began: int

    def advance(self, seconds: int) -> None:
        """Lets time pass until so many seconds after the beginning."""
        clocks = self.shop.client.v1.test_helpers.test_clocks
        clocks.advance(self.id, {"frozen_time": self.began + seconds})
        if self.shop.at_simulator is None:
            eventually(lambda: clocks.retrieve(self.id).status == "ready", ADVANCING_SECONDS)

    def pay_with(self, card: str) -> None:
        """Another card for everything from now on."""
        method = self.shop.client.v1.payment_methods.attach(card, {"customer": self.customer})
        self.shop.client.v1.customers.update(self.customer, {"invoice_settings": {"default_payment_method": method.id}})
        for subscription in self.shop.client.v1.subscriptions.list({"customer": self.customer}).data:
            self.shop.client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
