"""The seller's pages: an account, offers, putting them on sale and taking them off, and who may."""

from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from billing.resale.models import Offer, OfferState
from core.tenancy import tenant_context
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import Shop
from tests.billing.stripe.test_pages import led_to
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.visitor import look_at

WRONG: list[dict[str, Any]] = [
    {"amount": "-5"},
    {"amount": "0"},
    {"amount": "NaN"},
    {"amount": "Infinity"},
    {"amount": "1e400"},
    {"amount": "4.999"},
    {"amount": "5.5", "currency": "jpy"},
    {"amount": "0.49"},
    {"amount": "1000000"},
    {"amount": "0.000000000000001", "kind": "per_call"},
    {"amount": ""},
    {"amount": "five"},
    {"amount": "5\x00"},
    {"currency": "xxx"},
    {"currency": None},
    {"kind": "for_ever"},
    {"slug": "Weather!"},
    {"slug": "x" * 41},
    {"name": ""},
    {"name": "x" * 81},
    {"name": "A\u202eB"},
    {"scope": "some"},
    {"scope": "some", "tools": ["nothing"]},
]


def wanted(**changed: Any) -> dict[str, Any]:
    """What Alice types for an offer; None leaves a field out."""
    said = {
        "name": "Weather", "slug": "weather", "description": "It tells.", "scope": "all", "kind": "monthly",
        "amount": "5", "currency": "usd",
    } | changed  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def make(alice: Client, base: str, seller: Seller, **changed: Any) -> Any:
    """Sends the form of a new offer."""
    path = f"{base}/new/?endpoint={seller.endpoint.slug}"
    answer: Any = alice.post(path, wanted(**changed), follow=True)
    look_at(answer)
    return answer


def only(shop: Shop) -> Offer:
    """The only offer that there is."""
    with tenant_context(shop.tenant.id):
        return Offer.objects.get()


def test_an_account_is_connected_with_a_country_and_a_visit_to_stripe(
    alice: Client, base: str, seller: Seller, settings: Settings
) -> None:
    settings.CONSOLE_URL = "http://testserver"
    assert "Connect an account" in alice.get(f"{base}/").text
    url = led_to(alice.post(f"{base}/connect/", {"country": "us"}).text)
    waiting = alice.get(f"{base}/").text
    assert "Stripe still asks" in waiting
    assert "external account" in waiting
    answered = httpx.post(url)
    assert answered.headers["location"] == f"http://testserver{base}/returned/"
    told = alice.get(f"{base}/returned/", follow=True)
    look_at(told)  # type: ignore[arg-type]  # the test client's subclass
    assert "You can sell now." in told.text
    assert "Buyers can pay" in told.text
    assert led_to(alice.post(f"{base}/dashboard/").text).endswith(seller.account.account_id)


@pytest.mark.usefixtures("seller")
def test_what_is_no_country_opens_no_account(alice: Client, base: str) -> None:
    for country in ("", "U", "USA", "1!", "\x00\x00", "ÜÖ"):
        answer = alice.post(f"{base}/connect/", {"country": country})
        assert answer.status_code == 422, country
        assert "refresh" not in answer.text


@pytest.mark.usefixtures("seller")
def test_without_an_account_nothing_of_it_can_be_done(alice: Client, base: str) -> None:
    for path in ("dashboard", "disconnect"):
        assert "No account at Stripe is connected yet." in alice.post(f"{base}/{path}/", follow=True).text
    assert "No account at Stripe is connected yet." in alice.get(f"{base}/returned/", follow=True).text
    assert "Go on there." in alice.get(f"{base}/resume/", follow=True).text
    assert alice.get(f"{base}/disconnect/").status_code == 302


def test_an_offer_goes_from_draft_to_sale_to_withdrawn(alice: Client, base: str, shop: Shop, seller: Seller) -> None:
    seller.onboard()
    assert "Which endpoint" in alice.get(f"{base}/new/").text
    made = make(alice, base, seller)
    assert "Nobody sees it yet" in made.text
    public = f"/buy/{shop.tenant.slug}/weather/"
    assert Client().get(public).status_code == 404
    sold = alice.post(f"{base}/offers/weather/sell/", follow=True)
    look_at(sold)  # type: ignore[arg-type]  # the test client's subclass
    assert public in sold.text
    assert "$5.00 a month" in sold.text
    assert Client().get(public).status_code == 200
    changed = alice.post(f"{base}/offers/weather/edit/", {"name": "Weather & more", "description": ""}, follow=True)
    assert "Weather &amp; more" in changed.text
    assert "Those who did go on" in alice.get(f"{base}/offers/weather/withdraw/").text
    gone = alice.post(f"{base}/offers/weather/withdraw/", follow=True)
    assert "Sold to nobody else since" in gone.text
    assert Client().get(public).status_code == 404
    assert alice.get(f"{base}/offers/weather/withdraw/").status_code == 302
    assert "does not come back" in alice.post(f"{base}/offers/weather/sell/", follow=True).text


def test_only_drafts_are_deleted(alice: Client, base: str, shop: Shop, seller: Seller) -> None:
    seller.onboard()
    make(alice, base, seller)
    assert "The draft is gone then" in alice.get(f"{base}/offers/weather/delete/").text
    assert "is deleted" in alice.post(f"{base}/offers/weather/delete/", follow=True).text
    assert alice.get(f"{base}/offers/weather/").status_code == 404
    make(alice, base, seller)
    alice.post(f"{base}/offers/weather/sell/")
    assert "is kept" in alice.post(f"{base}/offers/weather/delete/", follow=True).text
    assert only(shop).state == OfferState.ON_SALE


def test_nothing_goes_on_sale_before_the_account_takes_payments(
    alice: Client, base: str, shop: Shop, seller: Seller
) -> None:
    seller.connect()
    make(alice, base, seller)
    answer = alice.post(f"{base}/offers/weather/sell/", follow=True)
    assert answer.status_code == 200
    assert 'role="status"' in answer.text
    assert only(shop).state == OfferState.DRAFT


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({"amount": "4.99"}, "499"),
        ({"amount": "500", "currency": "jpy"}, "500"),
        ({"amount": "0.002", "kind": "per_call"}, "0.2"),
        ({"amount": "0.00000000000001", "kind": "per_call"}, "0.000000000001"),
    ],
    ids=["cents", "yen", "a fifth of a cent", "the finest there is"],
)
def test_prices_are_kept_exactly(alice: Client, base: str, seller: Seller, fields: dict[str, str], amount: str) -> None:
    make(alice, base, seller, **fields)
    assert f"{only(seller.shop).amount.normalize():f}" == amount


def test_what_cannot_be_offered(alice: Client, base: str, shop: Shop, seller: Seller) -> None:
    answers = {repr(fields): make(alice, base, seller, **fields).status_code for fields in WRONG}
    assert answers == dict.fromkeys(answers, 422)
    with tenant_context(shop.tenant.id):
        assert not Offer.objects.exists()


def test_some_tools_are_sold(alice: Client, base: str, shop: Shop, seller: Seller) -> None:
    make(alice, base, seller, scope="some", tools=["today"])
    assert only(shop).tools == ["today"]
    assert "today" in alice.get(f"{base}/offers/weather/").text
    again = make(alice, base, seller)
    assert again.status_code == 422


@pytest.mark.usefixtures("seller")
def test_an_endpoint_or_offer_that_there_is_not_is_not_found(alice: Client, base: str) -> None:
    assert alice.get(f"{base}/new/?endpoint=nothing").status_code == 404
    assert alice.post(f"{base}/new/?endpoint=nothing", wanted()).status_code == 404
    for act in ("", "edit/", "withdraw/", "delete/"):
        assert alice.get(f"{base}/offers/nothing/{act}").status_code == 404
    for act in ("sell/", "withdraw/", "delete/"):
        assert alice.post(f"{base}/offers/nothing/{act}").status_code == 404


def test_an_account_is_disconnected_and_what_was_on_sale_is_withdrawn(
    alice: Client, base: str, shop: Shop, seller: Seller
) -> None:
    seller.onboard()
    seller.offer(slug="weather")
    assert "Nothing can be bought of you any more" in alice.get(f"{base}/disconnect/").text
    assert "is disconnected" in alice.post(f"{base}/disconnect/", follow=True).text
    assert only(shop).state == OfferState.WITHDRAWN
    assert "Connect an account" in alice.get(f"{base}/").text


def test_prices_are_for_those_who_manage_money(cast: Cast, base: str, seller: Seller) -> None:
    seller.onboard()
    seller.offer(slug="weather")
    developer, stranger = signed_in(cast.bob), signed_in(cast.charlie)
    reads = ("/", "/connect/", "/returned/", "/new/", "/revenue/", "/offers/weather/", "/offers/weather/edit/")
    for path in reads:
        assert developer.get(f"{base}{path}").status_code == 403
        assert stranger.get(f"{base}{path}").status_code == 404
    writes = ("/connect/", "/dashboard/", "/disconnect/", "/offers/weather/sell/", "/offers/weather/withdraw/")
    for path in writes:
        assert developer.post(f"{base}{path}").status_code == 403
        assert stranger.post(f"{base}{path}").status_code == 404


def test_where_nothing_can_be_paid_nothing_can_be_sold(
    alice: Client, base: str, seller: Seller, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = settings.STRIPE_API_URL = ""
    assert "Nothing can be sold here yet" in alice.get(f"{base}/").text
    assert "takes no payments yet" in alice.post(f"{base}/connect/", {"country": "US"}, follow=True).text
    assert make(alice, base, seller).status_code == 200


def test_a_month_without_payments_says_so(alice: Client, base: str, seller: Seller) -> None:
    seller.onboard()
    for month in ("", "2026-13", "9999-12", "x" * 300, "\x00"):
        answer = alice.get(f"{base}/revenue/", {"month": month})
        look_at(answer)  # type: ignore[arg-type]  # the test client's subclass
        assert "No payment in this month" in answer.text
