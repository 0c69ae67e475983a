"""A seller whose account takes payments, with the simulator as Stripe."""

import pytest
from django.test import Client

from tests.billing.conftest import console_url, shop, simulator
from tests.billing.resale.selling import Seller, make_seller
from tests.billing.stripe.paying import Shop
from tests.console.conftest import signed_in

__all__ = ["console_url", "shop", "simulator"]


@pytest.fixture
def seller(shop: Shop) -> Seller:
    """Alice's tenant, whose account is not connected yet."""
    return make_seller(shop)


@pytest.fixture
def alice(shop: Shop) -> Client:
    """The owner's browser."""
    return signed_in(shop.cast.alice)


@pytest.fixture
def base(shop: Shop) -> str:
    """Where the seller's pages begin."""
    return f"/t/{shop.tenant.slug}/resale"
