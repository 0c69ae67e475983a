"""A tenant that sells its endpoint, as it and as Stripe see it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from billing.resale.accounts import seller_connect, seller_refresh
from billing.resale.models import Offer, SellerAccount
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.offers import Terms, offer_create, offer_put_on_sale
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import Actor
from tests.billing.stripe.paying import BACK, Shop
from tests.conftest import Cast, unique


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


def make_seller(shop: Shop) -> Seller:
    """Alice's tenant, with an endpoint."""
    with tenant_context(shop.tenant.id):
        actor = Cast.acting_inside(shop.cast.alice, shop.tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("shop"), name="Weather")
        for name in ("today", "tomorrow"):
            draft = ToolDraft(name=name, config={"function": "echo"}, input_schema={"type": "object"})
            tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)
    return Seller(shop, endpoint)
