"""The pages of billing, with the simulator as Stripe: each way there, each way back, and what is refused."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from billing.models import Invoice
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create
from tests.billing.stripe.paying import GOOD, REFUSED, Shop
from tests.conftest import Cast


@pytest.fixture
def alice(shop: Shop) -> Client:
    client = Client()
    client.force_login(shop.cast.alice)
    return client


@pytest.fixture
def base(cast: Cast) -> str:
    return f"/t/{cast.tenant.slug}/billing"


def led_to(text: str) -> str:
    """Where a page goes on to by itself."""
    (url,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', text)
    return str(url)


def bought(alice: Client, shop: Shop, base: str, plan: str = "professional") -> None:
    """Two clicks: the plan, and the button of the page of payment."""
    url = led_to(alice.post(f"{base}/choose/", {"plan": plan, "by": "month"}).text)
    paid = shop.type_card(url, GOOD)
    assert paid.headers["location"].endswith(f"{base}/returned/")
    told = alice.get(f"{base}/returned/", follow=True)
    assert f"You are on {plan.capitalize()} now." in told.text


def test_two_clicks_to_a_plan_that_counts_before_any_webhook_came(alice: Client, shop: Shop, base: str) -> None:
    before = alice.get(f"{base}/").text
    assert "Upgrade to Professional" in before
    assert "$499.00" in before
    assert "$2,999.00" in before
    bought(alice, shop, base)
    assert shop.has() == ("professional-1", "active", 50_000)
    after = alice.get(f"{base}/").text
    assert "Upgrade to Enterprise" in after
    assert "Cancel Professional" in after


def test_whoever_turns_back_has_bought_nothing(alice: Client, shop: Shop, base: str) -> None:
    url = led_to(alice.post(f"{base}/choose/", {"plan": "professional"}).text)
    assert "You are on" not in alice.get(f"{base}/returned/", follow=True).text
    assert shop.type_card(url, REFUSED).status_code != 303
    assert shop.has()[0] == "developer-1"


def test_a_dearer_plan_is_asked_about_and_paid_at_once(alice: Client, shop: Shop, base: str) -> None:
    bought(alice, shop, base)
    asked = alice.post(f"{base}/choose/", {"plan": "enterprise", "by": "month"}, follow=True).text
    assert "is taken now" in asked
    assert "Then, each month" in asked
    assert "$2,999.00, from" in asked
    assert "100,000,000 a month included, $0.02 for each 1,000 beyond them" in asked
    assert "How this comes about" in asked
    done = alice.post(f"{base}/change/", {"plan": "enterprise", "by": "month"}, follow=True).text
    assert "You are on Enterprise now." in done
    assert shop.has() == ("enterprise-1", "active", 500_000)
    cheaper = alice.get(f"{base}/change/", {"plan": "professional", "by": "month"}).text
    assert "is put to your credit" in cheaper
    assert "Single calls are kept for 30 days instead of 365: older ones are deleted." in cheaper


def test_it_ends_with_the_period_and_may_be_kept(alice: Client, shop: Shop, base: str) -> None:
    assert alice.get(f"{base}/cancel/").status_code == 302
    bought(alice, shop, base)
    assert "Until then nothing changes" in alice.get(f"{base}/cancel/").text
    cancelled = alice.post(f"{base}/cancel/", follow=True).text
    assert "Keep Professional" in cancelled
    assert shop.subscription_at_stripe().cancel_at_period_end
    kept = alice.post(f"{base}/keep/", follow=True).text
    assert "The plan goes on." in kept
    assert not shop.subscription_at_stripe().cancel_at_period_end


def test_what_will_be_beyond_the_smaller_plan_is_said_before(alice: Client, shop: Shop, base: str) -> None:
    bought(alice, shop, base)
    actor = shop.alice
    with tenant_context(shop.tenant.id):
        for number in range(11):
            endpoint_create(actor=actor, slug=f"e-{number}", name=f"E {number}")
    asked = alice.get(f"{base}/cancel/").text
    assert "You have 11 endpoints, Developer allows 10." in asked
    assert "Nothing of this is deleted" in asked
    assert "Single calls are kept for 7 days instead of 30: older ones are deleted." in asked
    assert "more than your plan allows" not in alice.get(f"{base}/").text


def test_invoices_open_to_their_lines_and_are_nobody_elses(alice: Client, shop: Shop, base: str) -> None:
    shop.listen()
    bought(alice, shop, base)
    shop.deliver()
    with tenant_context(shop.tenant.id):
        invoice = Invoice.objects.get()
    assert invoice.number in alice.get(f"{base}/").text
    opened = alice.get(f"{base}/invoices/{invoice.stripe_id}/")
    assert "$499.00" in opened.text
    for wrong in ("in_nothing", "x" * 300, "%00", "' OR 1=1"):
        assert alice.get(f"{base}/invoices/{wrong}/").status_code == 404


def test_the_portal_is_for_those_who_pay(alice: Client, shop: Shop, base: str) -> None:
    assert "Choose a plan first" in alice.post(f"{base}/portal/", follow=True).text
    bought(alice, shop, base)
    assert led_to(alice.post(f"{base}/portal/").text).startswith(shop.simulator.url)


@pytest.mark.parametrize("plan", ["", "nothing", "unlimited", "developer", "professional\x00"])
def test_what_cannot_be_bought(alice: Client, base: str, plan: str) -> None:
    told = alice.post(f"{base}/choose/", {"plan": plan, "by": "month"}, follow=True)
    assert told.status_code == 200
    assert 'role="status"' in told.text
    assert "refresh" not in told.text


@pytest.mark.usefixtures("shop")
def test_who_may_see_it(cast: Cast, base: str) -> None:
    developer, stranger = Client(), Client()
    developer.force_login(cast.bob)
    stranger.force_login(cast.charlie)
    for path in ("/", "/cancel/", "/change/", "/invoices/in_1/"):
        assert developer.get(f"{base}{path}").status_code == 403
        assert stranger.get(f"{base}{path}").status_code == 404
    for path in ("/choose/", "/keep/", "/portal/", "/cancel/"):
        assert developer.post(f"{base}{path}").status_code == 403


def test_where_nothing_can_be_paid_nothing_is_offered(cast: Cast, base: str, settings: Settings) -> None:
    settings.STRIPE_API_KEY = settings.STRIPE_API_URL = ""
    alice = Client()
    alice.force_login(cast.alice)
    text = alice.get(f"{base}/").text
    assert "Nothing can be bought here yet" in text
    assert "Upgrade to" not in text
    assert "takes no payments yet" in alice.post(f"{base}/choose/", {"plan": "professional"}, follow=True).text
