"""The page on which anybody buys: what it says, what it never shows, and how often it may be asked."""

from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from billing.resale.models import Purchase, SellerAccount
from console import pace
from core.tenancy import tenant_context
from mcp_runtime.services.offers import offer_update, offer_withdraw
from tenants.services.tenants import tenant_delete, tenant_rename
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import Shop
from tests.conftest import unique
from tests.console.resale.shopping import Buyer

NO_ADDRESSES = [
    "", "nora", "nora@", "@example.com", "nora@example.com\r\nBcc: mallory@example.com", "a@b.c\nX: 1",
    "\x00@b.com", "nora@example.com, mallory@example.com", f"{'n' * 300}@example.com", "Nora <nora@example.com>",
]  # fmt: skip
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def buyer(seller: Seller) -> Buyer:
    """Nora, before an offer that is on sale."""
    seller.onboard()
    return Buyer(seller, seller.offer())


def test_a_stranger_reads_what_is_sold_by_whom_and_for_how_much(buyer: Buyer, shop: Shop) -> None:
    page = Client().get(buyer.buy_path)
    for words in (f"Sold by {shop.tenant.name}", "Weather", "It tells.", "$5.00 a month", "today", "tomorrow"):
        assert words in page.text
    assert "Failed calls are free" not in page.text
    assert "sessionid" not in page.cookies


def test_a_price_by_the_call_says_what_many_cost_and_what_is_free(seller: Seller) -> None:
    seller.onboard()
    found = Buyer(seller, seller.offer(kind="per_call", amount=Decimal("0.2"), tools=["today"]))
    page = found.client.get(found.buy_path).text
    assert "$0.002 for each call" in page
    assert "$2.00 for a thousand calls" in page
    assert "Failed calls are free" in page
    assert "tomorrow" not in page


def test_whatever_is_not_on_sale_is_not_there(buyer: Buyer, seller: Seller, shop: Shop) -> None:
    draft = seller.draft()
    tenant = shop.tenant.slug
    for path in (
        f"/buy/{tenant}/{draft.slug}/", f"/buy/{tenant}/nothing/", f"/buy/nobody/{buyer.offer.slug}/",
        f"/buy/{shop.cast.elsewhere.slug}/{buyer.offer.slug}/", f"/buy/{tenant}/{'x' * 300}/", f"/buy/{tenant}/%00/",
    ):  # fmt: skip
        assert Client().get(path).status_code == 404
        assert Client().post(path, {"email": "nora@example.com"}).status_code == 404


def test_a_tenant_that_is_being_deleted_sells_nothing(buyer: Buyer, shop: Shop) -> None:
    actor = shop.alice
    with tenant_context(shop.tenant.id):
        tenant_delete(actor=actor)
    assert Client().get(buyer.buy_path).status_code == 404


def test_a_former_address_leads_to_the_present_one(buyer: Buyer, shop: Shop) -> None:
    current, actor = unique("renamed"), shop.alice
    with tenant_context(shop.tenant.id):
        tenant_rename(actor=actor, name="Renamed", slug=current)
    answer = Client().get(buyer.buy_path)
    assert (answer.status_code, answer["Location"]) == (302, f"/buy/{current}/{buyer.offer.slug}/")


def test_what_a_seller_wrote_is_text_and_nothing_else(buyer: Buyer, shop: Shop) -> None:
    offer_update(actor=shop.alice, slug=buyer.offer.slug, name=HOSTILE[:80], description=HOSTILE)
    page = buyer.client.get(buyer.buy_path)
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


def test_what_is_no_address_buys_nothing(buyer: Buyer, shop: Shop) -> None:
    for email in NO_ADDRESSES:
        answer = buyer.client.post(buyer.buy_path, {"email": email})
        assert answer.status_code == 422, email
        assert "refresh" not in answer.text
    with tenant_context(shop.tenant.id):
        assert not Purchase.objects.exists()
    assert not mail.outbox


def test_an_offer_that_is_withdrawn_meanwhile_is_not_bought(buyer: Buyer, shop: Shop) -> None:
    assert buyer.client.get(buyer.buy_path).status_code == 200
    offer_withdraw(actor=shop.alice, slug=buyer.offer.slug)
    assert buyer.client.post(buyer.buy_path, {"email": buyer.email}).status_code == 404


def test_an_account_that_takes_no_payments_sells_nothing(buyer: Buyer, seller: Seller) -> None:
    with tenant_context(seller.shop.tenant.id):
        SellerAccount.objects.update(charges_enabled=False)
    page = buyer.client.get(buyer.buy_path)
    assert "cannot take payments at the moment" in page.text
    assert "Go on to payment" not in page.text
    answer = buyer.client.post(buyer.buy_path, {"email": buyer.email})
    assert answer.status_code == 409
    assert "refresh" not in answer.text


def test_where_stripe_is_away_the_page_says_so(buyer: Buyer, settings: Settings) -> None:
    settings.STRIPE_API_URL = "http://127.0.0.1:1"
    answer = buyer.client.post(buyer.buy_path, {"email": buyer.email})
    assert answer.status_code == 503
    assert 'role="alert"' in answer.text


def test_the_way_to_payment_carries_the_token_in_a_cookie_alone(buyer: Buyer) -> None:
    answer = buyer.client.post(buyer.buy_path, {"email": buyer.email})
    cookie = answer.cookies["purchase"]
    assert (cookie["path"], cookie["samesite"], bool(cookie["httponly"])) == (buyer.path, "Lax", True)
    assert cookie.value not in answer.text
    assert cookie.value not in str(answer.headers)
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(("what", "method"), [(pace.OFFER_SHOWN, "get"), (pace.PURCHASE_BEGUN, "post")])
def test_an_address_asks_so_often_and_no_more(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, what: str, method: str
) -> None:
    monkeypatch.setitem(pace.MOST, what, 2)
    client = Client(REMOTE_ADDR=f"10.77.{1 if method == 'get' else 2}.1")
    answers = [getattr(client, method)(buyer.buy_path, {"email": buyer.email}).status_code for _ in range(4)]
    assert answers == [200] * 2 + [429] * 2
