"""A newcomer's way with money: the free limit, an upgrade, calls on an invoice, a card that fails, and the end."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from re import Pattern

import pytest
from playwright.sync_api import Page
from pytest_django import Settings

from billing.stripe.catalogue import catalogue_sync
from core.tenancy import tenant_context
from mcp_runtime.selectors import endpoint_count
from mcp_runtime.services.endpoints import endpoint_create
from tenants.models import Tenant, TenantSlug, User
from tests.billing.stripe.metered import Metered
from tests.billing.stripe.paying import DAY, GOOD, Clock, Shop
from tests.conftest import Cast, unique
from tests.e2e.conftest import Look
from tests.stripe_simulator.process import Simulator, simulator_running

FREE_ENDPOINTS = 10


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulator_running() as running:
        yield running


@pytest.fixture
def shop(simulator: Simulator, settings: Settings, cast: Cast, look: Look) -> Shop:
    """The account at Stripe; its tenant is whoever signs up."""
    settings.STRIPE_API_KEY = f"sk_test_{unique('shop')}"
    settings.STRIPE_API_URL = simulator.url
    settings.STRIPE_WEBHOOK_SECRETS = []
    made = Shop(simulator, simulator.client(settings.STRIPE_API_KEY), cast, look.url)
    catalogue_sync()
    made.listen()
    return made


def signed_up(look: Look, shop: Shop) -> Tenant:
    """Nora, with a tenant of her own."""
    look.open("/")
    look.page.get_by_role("link", name="Make an endpoint").first.click()
    nora = User.objects.get(email=look.sign_up("Nora"))
    look.page.get_by_label("Name your tenant").fill("Nora's tools")
    look.page.get_by_role("button", name="Create tenant").click()
    look.page.get_by_role("button", name="Call it").wait_for()
    slug = look.page.url.rpartition("/t/")[2].partition("/")[0]
    with tenant_context(TenantSlug.objects.get(slug=slug).tenant_id):
        tenant = Tenant.objects.get()
    shop.cast = replace(shop.cast, tenant=tenant, alice=nora)
    return tenant


def fill_up(shop: Shop) -> None:
    """As many endpoints as are free."""
    actor = shop.alice
    with tenant_context(shop.tenant.id):
        for number in range(endpoint_count(), FREE_ENDPOINTS):
            endpoint_create(actor=actor, slug=f"more-{number}", name=f"More {number}")


def make_endpoint(look: Look, tenant: Tenant) -> None:
    """Asks for one more on its page."""
    look.open(f"/t/{tenant.slug}/new-endpoint/")
    look.page.get_by_label("Name", exact=True).fill("One more")
    look.page.get_by_role("button", name="Create endpoint").click()


def pay(page: Page, card: str, button: str | Pattern[str]) -> None:
    """Types a card at Stripe's page."""
    page.get_by_label("ard number").fill(card)
    page.get_by_role("button", name=button).click()


def upgrade(look: Look, shop: Shop) -> None:
    """Two clicks from the refusal, and a card; what the plan allows counts at once."""
    page = look.page
    page.get_by_role("link", name="Professional allows 100: see plans").click()
    page.get_by_text("Payments are simulated: no money moves.").wait_for()
    look.keep("billing-free")
    page.get_by_role("button", name="Upgrade to Professional").click()
    pay(page, GOOD, re.compile("^Pay"))
    page.get_by_text("You are on Professional now.").wait_for()
    assert shop.has() == ("professional-1", "active", 50_000)
    look.keep("billing-professional")


def fail_and_pay(look: Look, shop: Shop, clock: Clock) -> None:
    """The next month's card fails; nothing ends meanwhile, and another card settles it."""
    page, billing = look.page, f"/t/{shop.tenant.slug}/billing/"
    clock.pay_with("pm_card_chargeCustomerFail")
    clock.advance(64 * DAY)
    shop.deliver()
    look.open(billing)
    page.get_by_text("A payment failed").wait_for()
    assert shop.has() == ("professional-1", "past_due", 50_000)
    look.keep("billing-past-due")
    page.get_by_role("button", name="Change card").click()
    pay(page, GOOD, "Use this card")
    page.get_by_role("button", name="Pay now").click()
    page.get_by_role("link", name="Back").click()
    shop.deliver()
    page.reload()
    page.get_by_role("heading", name="Billing").wait_for()
    assert not page.get_by_text("A payment failed").count()
    assert shop.has() == ("professional-1", "active", 50_000)


def open_calls(look: Look, shop: Shop, clock: Clock) -> None:
    """More calls than the plan includes stand on the month's invoice, and open to what they were."""
    page, metered = look.page, Metered(shop, clock)
    metered.pass_to(metered.first + timedelta(hours=2))
    metered.ship(metered.first, 3, name="convert")
    metered.add(5_000_397, name="forecast")
    metered.send()
    metered.end_period()
    look.open(f"/t/{shop.tenant.slug}/billing/")
    page.get_by_role("link", name=re.compile("^[A-Z0-9]+-")).first.click()
    look.keep("billing-invoice")
    page.get_by_role("link", name="calls").last.click()
    page.get_by_text("5,000,400").first.wait_for()
    page.get_by_text("$0.02").first.wait_for()
    page.get_by_role("row", name=re.compile("forecast 5,000,397")).wait_for()
    assert page.get_by_role("row").filter(has_text="tools/call").count() == 3
    look.keep("billing-calls")


def set_cap(look: Look, shop: Shop) -> None:
    """What may be spent at most beyond the plan."""
    page = look.page
    look.open(f"/t/{shop.tenant.slug}/billing/")
    page.get_by_role("link", name="Set a cap").click()
    page.get_by_label("At most in a period").fill("250")
    page.get_by_label("Refuse further calls").check()
    look.keep("billing-cap")
    page.get_by_role("button", name="Set cap").click()
    page.get_by_text("$250.00").wait_for()


def cancel(look: Look) -> None:
    """At the period's end, asked about once."""
    page = look.page
    page.get_by_role("link", name="Cancel Professional").click()
    look.keep("billing-cancel")
    page.get_by_role("button", name="Cancel Professional").click()
    page.get_by_text("Professional ends on").wait_for()


@pytest.mark.e2e
def test_from_the_free_limit_to_the_end_of_a_plan(look: Look, shop: Shop) -> None:
    tenant, page = signed_up(look, shop), look.page
    fill_up(shop)
    make_endpoint(look, tenant)
    page.get_by_text("Your plan allows 10 endpoints.").wait_for()
    look.keep("limit-reached")
    clock = shop.clock()
    upgrade(look, shop)
    make_endpoint(look, tenant)
    page.get_by_role("heading", name="One more").first.wait_for()
    shop.deliver()
    set_cap(look, shop)
    open_calls(look, shop, clock)
    fail_and_pay(look, shop, clock)
    cancel(look)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 800})
    look.keep("billing-ending-dark-360")
    page.get_by_role("link", name=re.compile("^[A-Z0-9]+-")).first.click()
    page.get_by_role("heading", name="Invoice").wait_for()
    look.keep("billing-invoice-dark-360")
