"""A buyer who never heard of the platform, in a browser without a session."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from billing.resale.models import Offer, Purchase
from core.tenancy import tenant_context
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import GOOD
from tests.billing.stripe.test_pages import led_to
from tests.console.visitor import address, look_at, mails_to


@dataclass
class Buyer:
    """Somebody who buys an offer."""

    seller: Seller
    offer: Offer
    client: Client = field(default_factory=Client)
    email: str = field(default_factory=lambda: address("nora"))

    @property
    def buy_path(self) -> str:
        return f"/buy/{self.seller.shop.tenant.slug}/{self.offer.slug}/"

    @property
    def path(self) -> str:
        return f"/bought/{self.seller.shop.tenant.slug}/{self.offer.slug}/"

    def get(self, act: str = "") -> Any:
        """One of the purchase's pages, redirects followed."""
        return self._looked(self.client.get(self.path + act, follow=True))

    def post(self, act: str, **said: str) -> Any:
        """The same of a form."""
        return self._looked(self.client.post(self.path + act, said, follow=True))

    def begin(self) -> str:
        """Types the address; where it is paid."""
        return led_to(self._looked(self.client.post(self.buy_path, {"email": self.email})).text)

    def buy(self, card: str = GOOD) -> Any:
        """Pays, and comes back."""
        paid = self.seller.shop.type_card(self.begin(), card)
        assert paid.headers["location"].endswith(f"{self.path}returned/")
        return self.get("returned/")

    def key(self) -> str:
        """Makes the key."""
        found = re.search(r"<code data-copy-text>(a[a-z]*_[^<]+)</code>", self.post("key/").text)
        assert found
        return found[1]

    def link(self) -> str:
        """The path in the latest mail."""
        found = re.search(r"https?://[^/]+(/bought/\S+)", str(mails_to(self.email)[-1].body))
        assert found
        return found[1]

    def purchase(self) -> Purchase:
        """The latest, as it is stored."""
        with tenant_context(self.seller.shop.tenant.id):
            return Purchase.objects.filter(email=self.email).latest("created_at")

    @staticmethod
    def _looked(answer: Any) -> Any:
        look_at(answer)
        return answer
