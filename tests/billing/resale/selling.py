"""A tenant that sells its endpoint, as it and as Stripe see it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import stripe
from django.conf import settings

from billing.resale.accounts import seller_connect, seller_refresh
from billing.resale.checkout import purchase_open
from billing.resale.models import Offer, Purchase, PurchaseDue, Sale, SellerAccount
from billing.resale.purchases import purchase_refresh
from billing.resale.reconcile import sellers_end
from billing.resale.settling import purchases_settle
from billing.stripe.applying import event_apply
from billing.stripe.families import WANTED_EVENTS
from billing.stripe.models import WAITING, StripeEvent
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, PublishedEndpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.offers import Terms, offer_create, offer_put_on_sale
from mcp_runtime.services.purchase_keys import purchases_publish
from mcp_runtime.services.tools import tool_create
from mcp_runtime.snapshots import structs
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import Actor
from tests.billing.stripe.paying import BACK, GOOD, Shop
from tests.conftest import Cast, unique
from tests.processes import eventually


@dataclass
class Seller:
    """A tenant with an endpoint of two tools, and the account that it is paid through."""

    shop: Shop
    endpoint: Endpoint

    @property
    def alice(self) -> Actor:
        return self.shop.alice

    def connect(self, country: str = "US") -> str:
        """Begins an account; the page on which Stripe asks who it is."""
        return seller_connect(actor=self.alice, country=country, return_url=BACK, refresh_url=BACK)

    def onboard(self, country: str = "US") -> SellerAccount:
        """Has an account that takes payments."""
        answered = httpx.post(self.connect(country))
        assert (answered.status_code, answered.headers["location"]) == (303, BACK)
        return seller_refresh(actor=self.alice)

    @property
    def account(self) -> SellerAccount:
        with tenant_context(self.shop.tenant.id):
            return SellerAccount.objects.get()

    def terms(self, **changed: Any) -> Terms:
        """Everything of the endpoint for five dollars a month, or as is said."""
        told: dict[str, Any] = {
            "endpoint_slug": self.endpoint.slug, "tools": None, "kind": "monthly", "amount": Decimal(500),
            "currency": "usd",
        }  # fmt: skip
        return Terms(**told | changed)

    def draft(self, slug: str = "", **changed: Any) -> Offer:
        """A draft of an offer."""
        slug = slug or unique("offer")
        return offer_create(
            actor=self.alice, slug=slug, name="Weather", description="It tells.", terms=self.terms(**changed)
        )

    def offer(self, **changed: Any) -> Offer:
        """An offer on sale."""
        return offer_put_on_sale(actor=self.alice, slug=self.draft(**changed).slug)

    def told(self, **how: Any) -> None:
        """What the account's owner does, or Stripe does to it."""
        self.shop.simulator.told("accounts", key=self.shop.key, account=self.account.account_id, **how)

    @property
    def options(self) -> Any:
        """What has the client ask in the account."""
        return {"stripe_account": self.account.account_id}

    def listen(self) -> str:
        """Has Stripe send the webhooks of this account, and the platform's own, to the console; their secret."""
        self.shop.listen()
        asked: Any = {"url": f"{self.shop.console_url}/webhooks/stripe", "enabled_events": list(WANTED_EVENTS)}
        endpoint = self.shop.client.v1.webhook_endpoints.create(asked | {"connect": True})
        assert endpoint.secret
        settings.STRIPE_WEBHOOK_SECRETS = [endpoint.secret, *settings.STRIPE_WEBHOOK_SECRETS]
        return endpoint.secret

    def events(self) -> list[stripe.Event]:
        """What happened in the account and means something, the first first."""
        listed = self.shop.client.v1.events.list({"limit": 100}, self.options).auto_paging_iter()
        return [event for event in listed if event.type in WANTED_EVENTS][::-1] + self.shop.events()

    def arrived(self) -> set[str]:
        """Waits until each event that happened is stored; their ids."""
        identifiers = {event.id for event in self.events()}
        eventually(lambda: StripeEvent.objects.filter(pk__in=identifiers).count() == len(identifiers))
        return identifiers

    def arrived_besides(self, account: str, known: list[str]) -> None:
        """Waits for another event of an account that can no longer be asked, and has it applied."""
        rows = StripeEvent.objects.filter(account=account, state__in=WAITING).exclude(pk__in=known)
        for row in eventually(lambda: list(rows.all())):
            event_apply(row.pk)

    def deliver(self) -> None:
        """Waits until webhooks brought everything, and has it applied, and what follows."""
        identifiers = self.arrived()
        for event in self.events():
            event_apply(event.id)
        assert not StripeEvent.objects.filter(pk__in=identifiers, state__in=WAITING)
        self.follow()

    def follow(self) -> None:
        """What jobs do of this seller's purchases."""
        PurchaseDue.objects.exclude(tenant_id=self.shop.tenant.id).delete()
        purchases_settle()
        purchases_publish()

    def end(self) -> None:
        """What jobs do of sellers that are being deleted."""
        sellers_end()
        self.follow()

    def open(self, offer: Offer, email: str = "buyer@example.com") -> tuple[Purchase, str, str]:
        """What a stranger begins: a purchase, its token, and where it is paid."""
        return purchase_open(
            tenant_id=self.shop.tenant.id, offer_slug=offer.slug, email=email, success_url=BACK, cancel_url=BACK
        )

    def buy(self, offer: Offer, card: str = GOOD, email: str = "buyer@example.com") -> Purchase:
        """A purchase that was paid, as its buyer sees it on coming back."""
        purchase, _, url = self.open(offer, email)
        assert Shop.type_card(url, card).status_code == 303
        bought = purchase_refresh(purchase)
        self.follow()
        return bought

    def again(self, purchase: Purchase) -> Purchase:
        """A purchase as it is now."""
        with tenant_context(self.shop.tenant.id):
            return Purchase.objects.select_related("offer").get(pk=purchase.pk)

    def served(self) -> set[str]:
        """The digests of the keys that workers are told of."""
        with tenant_context(self.shop.tenant.id):
            document = PublishedEndpoint.objects.get(endpoint_id=self.endpoint.pk).document
        return {key.digest for key in structs.decode(document).keys}

    def holds(self) -> dict[str, int]:
        """What the account holds at Stripe, by currency."""
        balance = self.shop.client.v1.balance.retrieve(options=self.options)
        return {each.currency: each.amount for each in balance.available}

    def sales(self) -> list[Sale]:
        """What was sold, the first first."""
        with tenant_context(self.shop.tenant.id):
            return list(Sale.objects.order_by("paid_at", "invoice_id"))

    def clock(self) -> "SellerClock":
        """Has whoever buys from now on live by a clock that stands until it is advanced."""
        began = int(time.time())
        clock = self.shop.client.v1.test_helpers.test_clocks.create({"frozen_time": began}, self.options)
        self.told(newcomers_clock=clock.id)
        return SellerClock(self, clock.id, began)


@dataclass
class SellerClock:
    """Time in a seller's account, for its buyers."""

    seller: Seller
    id: str
    began: int

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(self.began, UTC)

    def advance(self, seconds: int) -> None:
        """Lets time pass until so many seconds after the beginning."""
        clocks = self.seller.shop.client.v1.test_helpers.test_clocks
        clocks.advance(self.id, {"frozen_time": self.began + seconds}, self.seller.options)

    def pay_with(self, purchase: Purchase, card: str) -> None:
        """Another card for a purchase from now on."""
        client, options = self.seller.shop.client, self.seller.options
        method = client.v1.payment_methods.attach(card, {"customer": purchase.customer_id}, options)
        client.v1.subscriptions.update(purchase.subscription_id, {"default_payment_method": method.id}, options)


def make_seller(shop: Shop) -> Seller:
    """Alice's tenant, with an endpoint."""
    with tenant_context(shop.tenant.id):
        actor = Cast.acting_inside(shop.cast.alice, shop.tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("shop"), name="Weather")
        for name in ("today", "tomorrow"):
            draft = ToolDraft(name=name, config={"function": "echo"}, input_schema={"type": "object"})
            tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)
    return Seller(shop, endpoint)
