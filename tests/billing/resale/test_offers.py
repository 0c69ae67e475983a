"""Offers: what may be sold for what, by whom, and that what was on sale stays what it was."""

from decimal import Decimal

import pytest
from django.db import IntegrityError

from billing.resale.models import Offer, OfferState
from billing.resale.pricing import decimal_of
from billing.resale.public import offer_on_sale
from billing.resale.selectors import offer_by_slug, offers
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete
from mcp_runtime.services.offers import (
    Terms,
    offer_create,
    offer_delete,
    offer_put_on_sale,
    offer_update,
    offer_withdraw,
    public_tools,
)
from tests.billing.resale.selling import Seller
from tests.conftest import Cast, make_cast, unique
from tests.races import at_once


def test_an_offer_by_the_month_has_its_price_in_the_sellers_account(seller: Seller) -> None:
    account = seller.onboard()
    offer = seller.offer(tools=["today"])
    price = seller.shop.client.v1.prices.retrieve(offer.price_id, options={"stripe_account": account.account_id})
    assert price.recurring is not None
    assert (price.unit_amount, price.currency, price.recurring.interval) == (500, "usd", "month")
    assert (offer.state, offer.fee_percent, offer.account_id) == ("on_sale", Decimal(5), account.account_id)
    assert seller.shop.client.v1.products.list().data == seller.shop.client.v1.products.list({"limit": 10}).data
    shown = offer_on_sale(seller.shop.tenant.slug, offer.slug)
    assert shown is not None
    assert (shown.seller, shown.tools, shown.amount) == (seller.shop.tenant.name, ("today",), Decimal(500))
    assert [name for name, _, _ in public_tools(shown)] == ["today"]


@pytest.mark.parametrize("amount", ["0.000000000001", "0.05", "100", "1234.5"])
def test_a_price_by_the_call_is_exact(seller: Seller, amount: str) -> None:
    account = seller.onboard()
    offer = seller.offer(kind="per_call", amount=Decimal(amount))
    price = seller.shop.client.v1.prices.retrieve(offer.price_id, options={"stripe_account": account.account_id})
    assert price.recurring is not None
    assert (price.unit_amount_decimal, price.recurring.usage_type) == (Decimal(amount), "metered")
    assert price.recurring.meter == offer.meter_id
    assert seller.offer(kind="per_call", amount=Decimal(1)).meter_id == offer.meter_id


@pytest.mark.parametrize(
    ("kind", "amount", "currency", "field"),
    [
        ("monthly", "-1", "usd", "amount"),
        ("monthly", "0", "usd", "amount"),
        ("monthly", "NaN", "usd", "amount"),
        ("monthly", "sNaN", "usd", "amount"),
        ("monthly", "Infinity", "usd", "amount"),
        ("monthly", "500.5", "usd", "amount"),
        ("monthly", "49", "usd", "amount"),
        ("monthly", "49", "jpy", "amount"),
        ("monthly", "500.5", "jpy", "amount"),
        ("monthly", "100000000", "usd", "amount"),
        ("monthly", "1e400", "usd", "amount"),
        ("per_call", "0", "usd", "amount"),
        ("per_call", "-0.5", "usd", "amount"),
        ("per_call", "0.0000000000001", "usd", "amount"),
        ("per_call", "100000000", "usd", "amount"),
        ("monthly", "500", "xxx", "currency"),
        ("monthly", "500", "", "currency"),
        ("weekly", "500", "usd", "kind"),
    ],
)
def test_what_nobody_could_pay_is_no_price(seller: Seller, kind: str, amount: str, currency: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        seller.draft(kind=kind, amount=Decimal(amount), currency=currency)
    assert refused.value.refusal == refusals.INVALID_INPUT
    assert list(refused.value.data["fields"]) == [field]
    with tenant_context(seller.shop.tenant.id):
        assert not offers().exists()


@pytest.mark.parametrize("text", ["", "x", "1,5", "NaN", "-Infinity", "1" * 61, "\0"])
def test_what_is_no_number_is_no_amount(text: str) -> None:
    with pytest.raises(Refused) as refused:
        decimal_of(text)
    assert refused.value.refusal == refusals.INVALID_INPUT


def test_yen_have_no_cents(seller: Seller) -> None:
    account = seller.onboard("JP")
    offer = seller.offer(amount=Decimal(50), currency="JPY")
    price = seller.shop.client.v1.prices.retrieve(offer.price_id, options={"stripe_account": account.account_id})
    assert (price.unit_amount, price.currency) == (50, "jpy")


def test_only_what_there_is_can_be_sold(seller: Seller) -> None:
    for changed, field in (
        ({"endpoint_slug": "nothing"}, "endpoint_slug"),
        ({"endpoint_slug": "No Slug\0"}, "endpoint_slug"),
        ({"tools": []}, "tools"),
        ({"tools": ["today", "yesterday"]}, "tools"),
    ):
        with pytest.raises(Refused) as refused:
            seller.draft(**changed)
        assert list(refused.value.data["fields"]) == [field]
    for slug in ("", "Not A Slug", "a" * 41):
        with pytest.raises(Refused) as refused:
            offer_create(actor=seller.alice, slug=slug, name="x", description="", terms=seller.terms())
        assert list(refused.value.data["fields"]) == ["slug"]


def test_another_tenants_endpoint_and_offers_are_not_there(seller: Seller) -> None:
    offer = seller.draft()
    other = make_cast()
    with pytest.raises(Refused) as refused:
        offer_create(actor=other.acting(other.alice), slug="x", name="x", description="", terms=seller.terms())
    assert list(refused.value.data["fields"]) == ["endpoint_slug"]
    for act in (offer_put_on_sale, offer_withdraw, offer_delete):
        with pytest.raises(Refused) as refused:
            act(actor=other.acting(other.alice), slug=offer.slug)
        assert refused.value.refusal == refusals.NOT_FOUND
    assert offer_on_sale(other.tenant.slug, offer.slug) is None


def test_who_edits_endpoints_sets_no_prices(seller: Seller) -> None:
    offer, bob = seller.draft(), seller.shop.cast.acting(seller.shop.cast.bob)
    for act in (
        lambda: offer_create(actor=bob, slug="x", name="x", description="", terms=seller.terms()),
        lambda: offer_update(actor=bob, slug=offer.slug, name="x", description=""),
        lambda: offer_put_on_sale(actor=bob, slug=offer.slug),
        lambda: offer_withdraw(actor=bob, slug=offer.slug),
        lambda: offer_delete(actor=bob, slug=offer.slug),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.refusal == refusals.PERMISSION_DENIED


def test_a_draft_is_shown_to_nobody_and_can_be_changed_and_deleted(seller: Seller) -> None:
    offer = seller.draft()
    assert offer_on_sale(seller.shop.tenant.slug, offer.slug) is None
    terms = seller.terms(amount=Decimal(700), tools=["tomorrow", "today", "today"])
    changed = offer_update(actor=seller.alice, slug=offer.slug, name="More", description="", terms=terms)
    assert (changed.name, changed.amount, changed.tools) == ("More", Decimal(700), ["today", "tomorrow"])
    offer_delete(actor=seller.alice, slug=offer.slug)
    with tenant_context(seller.shop.tenant.id):
        assert not offers().exists()


def test_what_was_on_sale_keeps_its_price(seller: Seller) -> None:
    seller.onboard()
    offer = seller.offer()
    terms: list[Terms] = [
        seller.terms(amount=Decimal(501)), seller.terms(tools=["today"]), seller.terms(currency="eur"),
        seller.terms(kind="per_call"),
    ]  # fmt: skip
    for each in terms:
        with pytest.raises(Refused) as refused:
            offer_update(actor=seller.alice, slug=offer.slug, name="x", description="", terms=each)
        assert refused.value.refusal == refusals.CONFLICT
    told = offer_update(actor=seller.alice, slug=offer.slug, name="New", description="Words", terms=seller.terms())
    assert (told.name, told.amount) == ("New", Decimal(500))
    for changed in ({"amount": Decimal(1)}, {"tools": ["today"]}, {"state": "draft"}, {"fee_percent": Decimal(0)}):
        with pytest.raises(IntegrityError), tenant_context(seller.shop.tenant.id):
            Offer.objects.filter(pk=offer.pk).update(**changed)


def test_nothing_is_sold_by_who_cannot_be_paid(seller: Seller) -> None:
    offer = seller.draft()
    with pytest.raises(Refused) as refused:
        offer_put_on_sale(actor=seller.alice, slug=offer.slug)
    assert refused.value.refusal == refusals.SELLER_NOT_READY
    seller.connect()
    with pytest.raises(Refused) as refused:
        offer_put_on_sale(actor=seller.alice, slug=offer.slug)
    assert refused.value.refusal == refusals.SELLER_NOT_READY
    seller.onboard()
    assert offer_put_on_sale(actor=seller.alice, slug=offer.slug).state == OfferState.ON_SALE


def test_an_offer_of_what_was_deleted_is_not_put_on_sale(seller: Seller) -> None:
    seller.onboard()
    offer = seller.draft()
    with tenant_context(seller.shop.tenant.id):
        acting = Cast.acting_inside(seller.shop.cast.alice, seller.shop.tenant)
        endpoint_delete(actor=acting, endpoint_slug=seller.endpoint.slug)
        endpoint_create(actor=acting, slug=seller.endpoint.slug, name="Another one of that name")
    with pytest.raises(Refused) as refused:
        offer_put_on_sale(actor=seller.alice, slug=offer.slug)
    assert list(refused.value.data["fields"]) == ["endpoint_slug"]


def test_putting_on_sale_twice_makes_one_price(seller: Seller) -> None:
    account = seller.onboard()
    offer = seller.draft(kind="per_call", amount=Decimal("0.5"))
    at_once(*[lambda: offer_put_on_sale(actor=seller.alice, slug=offer.slug)] * 3)
    listed = seller.shop.client.v1.prices.list(options={"stripe_account": account.account_id})
    assert len(listed.data) == 1
    assert offer_put_on_sale(actor=seller.alice, slug=offer.slug).price_id == listed.data[0].id


@pytest.mark.parametrize("path", ["/v1/products", "/v1/prices", "/v1/billing/meters"])
@pytest.mark.parametrize("status", [429, 500, 0])
def test_an_outage_leaves_a_draft_that_goes_on_sale_later(seller: Seller, path: str, status: int) -> None:
    seller.onboard()
    offer = seller.draft(slug=unique("later"), kind="per_call")
    told = {"status": status, "times": 3, "path": path, "is_done": True}
    seller.shop.simulator.told("outages", outages=[told])
    with pytest.raises(Refused) as refused:
        offer_put_on_sale(actor=seller.alice, slug=offer.slug)
    assert refused.value.refusal == refusals.TEMPORARILY_UNAVAILABLE
    with tenant_context(seller.shop.tenant.id):
        assert offer_by_slug(offer.slug).state == OfferState.DRAFT
    seller.shop.simulator.told("outages", outages=[])
    assert offer_put_on_sale(actor=seller.alice, slug=offer.slug).state == OfferState.ON_SALE
    options = {"stripe_account": seller.account.account_id}
    assert len(seller.shop.client.v1.prices.list(options=options).data) == 1  # type: ignore[arg-type]


def test_what_was_withdrawn_does_not_come_back(seller: Seller) -> None:
    seller.onboard()
    offer = seller.offer()
    assert offer_withdraw(actor=seller.alice, slug=offer.slug).state == OfferState.WITHDRAWN
    assert offer_on_sale(seller.shop.tenant.slug, offer.slug) is None
    for act in (offer_put_on_sale, offer_delete):
        with pytest.raises(Refused) as refused:
            act(actor=seller.alice, slug=offer.slug)
        assert refused.value.refusal == refusals.CONFLICT
