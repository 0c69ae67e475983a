"""A seller's and a buyer's way: an account, an offer, a purchase, a call, the split, a card that fails, the end."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from pytest_django import Settings

from billing.ledger.models import UsageEvent
from billing.ledger.summing import usage_sum
from billing.resale.models import Purchase
from billing.stripe.catalogue import catalogue_sync
from core.tenancy import tenant_context
from tests.billing.resale.selling import Seller, SellerClock, make_seller
from tests.billing.stripe.paying import DAY, GOOD, Shop
from tests.conftest import Cast, unique
from tests.console.runtime import running_runtime
from tests.console.visitor import address
from tests.e2e.conftest import TIMEOUT_MS, Look
from tests.e2e.test_billing import pay
from tests.e2e.test_pages import sign_in
from tests.processes import eventually
from tests.stripe_simulator.process import Simulator, simulator_running

REVISION = "2026-07-28"
FAILS = "pm_card_chargeCustomerFail"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulator_running() as running:
        yield running


@pytest.fixture
def seller(simulator: Simulator, settings: Settings, cast: Cast, look: Look) -> Iterator[Seller]:
    """Alice's tenant, whose endpoint a real worker serves."""
    settings.STRIPE_API_KEY = f"sk_test_{unique('shop')}"
    settings.STRIPE_API_URL = simulator.url
    settings.STRIPE_WEBHOOK_SECRETS = []
    shop = Shop(simulator, simulator.client(settings.STRIPE_API_KEY), cast, look.url)
    catalogue_sync()
    made = make_seller(shop)
    made.listen()
    with running_runtime() as origin:
        settings.RUNTIME_URL = settings.RUNTIME_INTERNAL_URL = origin
        yield made


@pytest.fixture
def stranger(chromium: Browser, look: Look) -> Iterator[Look]:
    """Nora's browser, which nobody is signed in with."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(TIMEOUT_MS)
    yield Look(context.new_page(), look.url)
    context.close()


def connect(look: Look, seller: Seller) -> SellerClock:
    """Alice connects an account, and answers what Stripe asks."""
    page = look.page
    look.open(f"/t/{seller.shop.tenant.slug}/resale/")
    look.keep("resale-empty")
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_label("Country").fill("us")
    look.keep("resale-connect")
    page.get_by_role("button", name="Go on to Stripe").click()
    page.get_by_role("button", name="Everything is filled in").wait_for()
    look.open(f"/t/{seller.shop.tenant.slug}/resale/")
    page.get_by_text("Stripe still asks").wait_for()
    look.keep("resale-asked")
    page.get_by_role("button", name="Go on at Stripe").click()
    page.get_by_role("button", name="Everything is filled in").click()
    page.get_by_text("You can sell now.").wait_for()
    seller.told(never_paid="unpaid")
    return seller.clock()


def offer(look: Look) -> str:
    """She makes an offer and puts it on sale; the path of its page."""
    page = look.page
    page.get_by_role("link", name="New offer").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name", exact=True).fill("Weather for ships")
    page.get_by_label("Address").fill("ships")
    page.get_by_label("Description").fill("Today's and tomorrow's weather at sea.\nWind, waves and visibility.")
    page.get_by_label("Price").fill("5")
    look.keep("resale-new")
    page.get_by_role("button", name="Make offer").click()
    page.get_by_text("Nobody sees it yet").wait_for()
    look.keep("resale-draft")
    page.get_by_role("button", name="Put on sale").click()
    page.get_by_text("Where it is bought").wait_for()
    look.keep("resale-on-sale")
    return f"/buy/{page.url.partition('/t/')[2].partition('/')[0]}/ships/"


def buy(stranger: Look, path: str) -> None:
    """Nora, who never heard of any of this, buys it."""
    page = stranger.page
    stranger.open(path)
    page.get_by_text("$5.00 a month").first.wait_for()
    stranger.keep("buy")
    page.get_by_label("Your e-mail address").fill(address("nora"))
    page.get_by_role("button", name="Go on to payment").click()
    pay(page, GOOD, "Pay 5.00 USD")
    page.get_by_role("button", name="Get my key").wait_for()
    assert page.evaluate("document.cookie") == ""
    stranger.keep("bought")


def key(stranger: Look) -> str:
    """Her key, shown once."""
    page = stranger.page
    page.get_by_role("button", name="Get my key").click()
    secret = page.locator(".secret code").inner_text()
    stranger.keep("bought-key")
    page.get_by_role("tab", name="Claude Code").click()
    assert secret in page.get_by_role("tabpanel").inner_text()
    return secret


def call(seller: Seller, secret: str, origin: str, tool: str = "today") -> Any:
    """What her program sends, as the lines for curl have it."""
    meta = {"io.modelcontextprotocol/protocolVersion": REVISION, "io.modelcontextprotocol/clientCapabilities": {}}
    asked = {"name": tool, "arguments": {"text": "Hi"}, "_meta": meta}
    return httpx.post(
        f"{origin}/t/{seller.shop.tenant.slug}/{seller.endpoint.slug}/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked},
        headers={
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {secret}",
            "MCP-Protocol-Version": REVISION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        },
    )


def bought(seller: Seller) -> Purchase:
    with tenant_context(seller.shop.tenant.id):
        return Purchase.objects.get()


def is_counted(seller: Seller) -> bool:
    with tenant_context(seller.shop.tenant.id):
        return UsageEvent.objects.filter(endpoint_id=seller.endpoint.pk, outcome="ok").exists()


def see_the_split(look: Look, seller: Seller) -> None:
    """The payment, what the platform keeps of it, and the call that was made for it."""
    page = look.page
    eventually(lambda: is_counted(seller))
    usage_sum()
    look.open(f"/t/{seller.shop.tenant.slug}/resale/revenue/")
    for amount in ("$5.00", "$0.25", "$4.75"):
        page.get_by_role("cell", name=amount).first.wait_for()
    look.keep("resale-revenue")
    page.get_by_role("table", name="Payments").get_by_role("link").first.click()
    page.get_by_role("row", name="today 1").wait_for()
    look.keep("resale-sale")
    look.open(f"/t/{seller.shop.tenant.slug}/resale/offers/ships/")
    page.get_by_text("Active").wait_for()
    look.keep("resale-offer")


def fail_and_pay(stranger: Look, seller: Seller, clock: SellerClock, secret: str, origin: str) -> None:
    """The card fails until Stripe gives up: the key is off, and on again when another card pays."""
    page, purchase = stranger.page, bought(seller)
    own = f"/bought/{seller.shop.tenant.slug}/ships/"
    clock.pay_with(purchase, FAILS)
    clock.advance(32 * DAY)
    seller.deliver()
    stranger.open(own)
    page.get_by_text("A payment failed").wait_for()
    stranger.keep("bought-past-due")
    assert call(seller, secret, origin).status_code == 200
    clock.advance(60 * DAY)
    seller.deliver()
    stranger.open(own)
    page.get_by_text("your key is off").wait_for()
    stranger.keep("bought-unpaid")
    eventually(lambda: call(seller, secret, origin).status_code == 401)
    page.get_by_role("button", name="Pay").click()
    pay(page, GOOD, "Use this card")
    while page.get_by_role("button", name="Pay now").count():
        page.get_by_role("button", name="Pay now").first.click()
    page.get_by_role("link", name="Back").click()
    page.get_by_text("Active").wait_for()
    seller.deliver()
    eventually(lambda: call(seller, secret, origin).status_code == 200)


def cancel(stranger: Look) -> None:
    """She has enough of it."""
    page = stranger.page
    page.get_by_role("link", name="Cancel Weather for ships").click()
    stranger.keep("bought-cancel")
    page.get_by_role("button", name="Cancel Weather for ships").click()
    page.get_by_text("It ends on").first.wait_for()
    stranger.keep("bought-ending")


def see_it_dark_and_small(look: Look, stranger: Look, seller: Seller, path: str) -> None:
    """Every page again, on a phone at night."""
    slug = seller.shop.tenant.slug
    own = path.replace("/buy/", "/bought/")
    for each in (look, stranger):
        each.page.set_viewport_size({"width": 360, "height": 800})
        each.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    for name, where in {"index": "", "offer": "offers/ships/", "revenue": "revenue/", "new": "new/"}.items():
        look.open(f"/t/{slug}/resale/{where}")
        look.keep(f"resale-{name}-dark-360")
    for name, where in {"buy": path, "bought": own, "bought-cancel": f"{own}cancel/"}.items():
        stranger.open(where)
        stranger.keep(f"{name}-dark-360")
    stranger.page.context.clear_cookies()
    stranger.open(own)
    stranger.page.get_by_role("button", name="Send me the link").wait_for()
    stranger.keep("bought-link-dark-360")


@pytest.mark.e2e
def test_from_an_account_to_a_customer_who_leaves(
    look: Look, stranger: Look, seller: Seller, cast: Cast, settings: Settings
) -> None:
    sign_in(look, cast)
    clock = connect(look, seller)
    path = offer(look)
    buy(stranger, path)
    seller.deliver()
    secret = key(stranger)
    origin = settings.RUNTIME_URL
    assert call(seller, secret, origin).status_code == 200
    see_the_split(look, seller)
    fail_and_pay(stranger, seller, clock, secret, origin)
    cancel(stranger)
    see_it_dark_and_small(look, stranger, seller, path)
