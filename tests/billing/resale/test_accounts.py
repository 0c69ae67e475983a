"""A tenant's account at Stripe: opened, waited for, lost and opened anew; and who may do that."""

import pytest

from billing.resale.accounts import seller_connect, seller_dashboard, seller_disconnect, seller_refresh
from billing.resale.directory import seller_of
from billing.resale.models import ConnectedAccount, OfferState
from billing.resale.public import offer_on_sale
from billing.resale.selectors import offer_by_slug, seller_account
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Role
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import BACK
from tests.races import at_once


def test_an_account_takes_payments_once_its_owner_said_who_they_are(seller: Seller) -> None:
    seller.connect()
    before = seller.account
    assert (before.can_sell, before.country, before.currency) == (False, "US", "usd")
    assert before.requirements_due == ["external_account", "tos_acceptance.date"]
    after = seller.onboard()
    assert (after.account_id, after.can_sell, after.requirements_due) == (before.account_id, True, [])
    assert seller_of(after.account_id) == seller.shop.tenant.id


def test_an_account_is_the_tenants_whatever_is_clicked_at_once(seller: Seller) -> None:
    at_once(*[seller.connect] * 4)
    assert len(seller.shop.client.v1.accounts.list().data) == 1
    assert ConnectedAccount.objects.filter(tenant_id=seller.shop.tenant.id).count() == 1


@pytest.mark.parametrize("country", ["", "U", "USA", "Ü1", "12", "KP"])
def test_an_account_is_opened_where_stripe_opens_any(seller: Seller, country: str) -> None:
    with pytest.raises(Refused) as refused:
        seller.connect(country)
    assert refused.value.refusal == refusals.INVALID_INPUT
    assert list(refused.value.data["fields"]) == ["country"]
    assert seller.onboard("DE").currency == "eur"


def test_who_edits_endpoints_has_no_say_in_money(seller: Seller) -> None:
    bob = seller.shop.cast.acting(seller.shop.cast.bob)
    assert bob.role == Role.DEVELOPER
    for act in (
        lambda: seller_connect(actor=bob, country="US", return_url=BACK, refresh_url=BACK),
        lambda: seller_refresh(actor=bob),
        lambda: seller_dashboard(actor=bob),
        lambda: seller_disconnect(actor=bob),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.refusal == refusals.PERMISSION_DENIED
    with tenant_context(seller.shop.tenant.id):
        assert seller_account() is None


def test_what_stripe_wants_later_stops_the_sale(seller: Seller) -> None:
    seller.onboard()
    offer = seller.offer()
    shown = offer_on_sale(seller.shop.tenant.slug, offer.slug)
    assert shown is not None
    assert shown.is_purchasable
    seller.told(restrict=["individual.id_number"])
    assert seller_refresh(actor=seller.alice).requirements_due == ["individual.id_number"]
    shown = offer_on_sale(seller.shop.tenant.slug, offer.slug)
    assert shown is not None
    assert not shown.is_purchasable


def test_an_account_that_its_owner_took_away_is_opened_anew(seller: Seller) -> None:
    former = seller.onboard()
    seller.told(deauthorize=True)
    assert not seller_refresh(actor=seller.alice).can_sell
    later = seller.onboard()
    assert later.account_id != former.account_id
    assert (later.can_sell, later.number) == (True, 2)
    assert (seller_of(former.account_id), seller_of(later.account_id)) == (None, seller.shop.tenant.id)


def test_disconnecting_withdraws_and_connecting_takes_it_back(seller: Seller) -> None:
    former = seller.onboard()
    offer = seller.offer()
    seller_disconnect(actor=seller.alice)
    with tenant_context(seller.shop.tenant.id):
        assert offer_by_slug(offer.slug).state == OfferState.WITHDRAWN
    assert seller_of(former.account_id) is None
    with pytest.raises(Refused) as refused:
        seller_dashboard(actor=seller.alice)
    assert refused.value.refusal == refusals.CONFLICT
    assert seller.onboard().account_id == former.account_id


def test_payments_that_are_away_are_said_to_be(seller: Seller) -> None:
    seller.shop.simulator.told("outages", outages=[{"status": 500, "times": 3, "path": "/v1/accounts"}])
    with pytest.raises(Refused) as refused:
        seller.connect()
    assert refused.value.refusal == refusals.TEMPORARILY_UNAVAILABLE
    seller.shop.simulator.told("outages", outages=[])
    assert seller.onboard().can_sell
