"""From nothing to a plan and back: what tenants do, over the simulator's real HTTP, and the console's."""

import pytest

from billing.stripe.applying import event_apply
from billing.stripe.catalogue import catalogue_sync
from billing.stripe.customers import customer_known
from billing.stripe.fetching import fetched_of_customer
from billing.stripe.mirror import mirror_write
from billing.stripe.tickets import ticket_take
from core.tenancy import tenant_context
from tests.billing.stripe.paying import Shop


def test_an_upgrade_counts_with_the_first_webhook(shop: Shop) -> None:
    shop.listen()
    assert shop.has() == ("developer-1", "free", 1_000)
    shop.buy()
    shop.arrived()
    first = next(event for event in shop.events() if event.type == "customer.subscription.created")
    assert event_apply(first.id)
    assert shop.has() == ("professional-1", "active", 50_000)


@pytest.mark.usefixtures("own_account")
def test_the_catalogue_is_made_once(shop: Shop) -> None:
    assert catalogue_sync() == []
    keys = {price.lookup_key for price in shop.client.v1.prices.list({"limit": 100}).data}
    assert {"professional-1-month", "professional-1-year", "enterprise-1-month-overage"} <= keys
    assert len(shop.client.v1.billing.meters.list({}).data) == 1
    products = {product.id: product.name for product in shop.client.v1.products.list({}).data}
    assert products["armstrong_professional"] == "Professional"
    assert "armstrong_developer" not in products


def test_what_was_fetched_earlier_never_overwrites(shop: Shop) -> None:
    shop.buy()
    tenant_id, customer = shop.tenant.id, customer_known(shop.tenant.id)
    early, before = ticket_take(tenant_id), fetched_of_customer(customer)
    shop.client.v1.subscriptions.cancel(shop.subscription_at_stripe().id)
    late, after = ticket_take(tenant_id), fetched_of_customer(customer)
    for ticket, fetched in ((late, after), (early, before)):
        with tenant_context(tenant_id):
            mirror_write(tenant_id=tenant_id, ticket=ticket, fetched=fetched)
        assert shop.subscription().status == "canceled"
        assert shop.has() == ("developer-1", "free", 1_000)
