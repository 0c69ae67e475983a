"""Offers, what they brought and who may ask, over REST."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from billing.resale.models import Offer, OfferState
from core.tenancy import tenant_context
from tests.billing.resale.test_revenue import bought, offered, paid
from tests.conftest import Cast
from tests.console.api.conftest import Answer, Keys

OFFERS = "/resale/offers"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": "-1"}, "amount"),
    ({"amount": "0"}, "amount"),
    ({"amount": "NaN"}, "amount"),
    ({"amount": "sNaN"}, "amount"),
    ({"amount": "-Infinity"}, "amount"),
    ({"amount": "1e99"}, "amount"),
    ({"amount": "49"}, "amount"),
    ({"amount": "500.5"}, "amount"),
    ({"amount": "100000000"}, "amount"),
    ({"amount": "0.0000000000001", "kind": "per_call"}, "amount"),
    ({"amount": "1" * 61}, "amount"),
    ({"amount": "five"}, "amount"),
    ({"amount": 500}, "amount"),
    ({"amount": "500.5", "currency": "jpy"}, "amount"),
    ({"currency": "xxx"}, "currency"),
    ({"kind": "yearly"}, "kind"),
    ({"name": ""}, "name"),
    ({"name": "A\u202eB"}, "name"),
    ({"slug": "A B"}, "slug"),
    ({"tools": []}, "tools"),
    ({"tools": ["nothing"]}, "tools"),
    ({"endpoint_slug": "nothing"}, "endpoint_slug"),
    ({"fee_percent": "0"}, "fee_percent"),
]


def make(keys: Keys, endpoint: str, **changed: Any) -> Answer:
    said = {
        "slug": "weather", "name": "Weather", "endpoint_slug": endpoint, "kind": "monthly", "amount": "500",
        "currency": "usd",
    }  # fmt: skip
    return keys.admin.post(OFFERS, **said | changed)


def test_an_offer_is_made_changed_and_deleted(keys: Keys, endpoint: str) -> None:
    made = make(keys, endpoint)
    assert made.status == 201
    told = {name: made.body[name] for name in ("endpoint_slug", "tools", "amount", "state", "fee_percent")}
    assert told == {"endpoint_slug": endpoint, "tools": None, "amount": "500", "state": "draft", "fee_percent": None}
    assert keys.admin.get(f"{OFFERS}/weather").body == made.body
    assert keys.admin.patch(f"{OFFERS}/weather", name="Rain").body["name"] == "Rain"
    assert keys.admin.get(OFFERS).body["total"] == 1
    assert make(keys, endpoint).status in {409, 422}
    assert keys.admin.get(f"{OFFERS}/weather/purchases").body["items"] == []
    assert keys.admin.delete(f"{OFFERS}/weather").status == 204
    assert keys.admin.get(f"{OFFERS}/weather").code == "not_found"


def test_a_price_by_the_call_is_exact(keys: Keys, endpoint: str) -> None:
    assert make(keys, endpoint, kind="per_call", amount="0.000000000001").body["amount"] == "0.000000000001"


@pytest.mark.parametrize(("fields", "named"), WRONG, ids=[str(fields) for fields, _ in WRONG])
def test_what_cannot_be_offered_is_named(
    keys: Keys, endpoint: str, cast: Cast, fields: dict[str, Any], named: str
) -> None:
    assert make(keys, endpoint, **fields).fields == [named]
    with tenant_context(cast.tenant.id):
        assert not Offer.objects.exists()


def test_an_endpoint_of_another_tenant_is_none(keys: Keys) -> None:
    theirs = keys.stranger.post("/endpoints", slug="theirs", name="Theirs")
    assert theirs.status == 201
    assert make(keys, "theirs").fields == ["endpoint_slug"]


def test_nothing_is_sold_without_an_account(keys: Keys, endpoint: str, settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    make(keys, endpoint)
    assert keys.admin.get("/resale/account").code == "not_found"
    assert keys.admin.post(f"{OFFERS}/weather/sell").code == "seller_not_ready"
    assert keys.admin.post(f"{OFFERS}/weather/withdraw").code == "conflict"


def test_what_was_on_sale_is_kept(keys: Keys, cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        offer = offered(cast.tenant)
        Offer.objects.update(state=OfferState.WITHDRAWN)
    assert keys.admin.delete(f"{OFFERS}/{offer.slug}").code == "conflict"


def test_revenue_is_told_by_month_and_purchases_by_offer(keys: Keys, cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        purchase, _ = bought(offered(cast.tenant))
        paid(purchase, paid_at=datetime(2026, 10, 3, tzinfo=UTC), refunded=100)
    answer = keys.admin.get("/resale/revenue?month=2026-10")
    assert answer.body == {
        "month": "2026-10",
        "offers": [
            {
                "offer": purchase.offer.slug, "currency": "usd", "calls": 0, "gross": 500, "fee": 25, "refunded": 100,
                "net": 375,
            }
        ],
    }  # fmt: skip
    assert keys.admin.get("/resale/revenue").body["offers"] == []
    (told,) = keys.admin.get(f"{OFFERS}/{purchase.offer.slug}/purchases").body["items"]
    assert (told["email"], told["standing"]) == ("nora@example.com", "active")
    assert "token" not in str(told)


@pytest.mark.parametrize("month", ["2026-13", "0000-01", "2026", "x", "2026-1"])
def test_what_is_no_month_is_refused(keys: Keys, month: str) -> None:
    assert keys.admin.get(f"/resale/revenue?month={month}").code == "invalid_input"


def test_prices_and_money_are_for_those_who_manage_them(keys: Keys, endpoint: str) -> None:
    make(keys, endpoint)
    for key in (keys.viewer, keys.developer):
        for path in (OFFERS, f"{OFFERS}/weather", f"{OFFERS}/weather/purchases", "/resale/revenue", "/resale/account"):
            assert key.get(path).code == "permission_denied"
        assert key.patch(f"{OFFERS}/weather", name="x").code == "permission_denied"
        assert key.delete(f"{OFFERS}/weather").code == "permission_denied"
        for act in ("sell", "withdraw"):
            assert key.post(f"{OFFERS}/weather/{act}").code == "permission_denied"
    assert keys.stranger.get(f"{OFFERS}/weather").code == "not_found"
