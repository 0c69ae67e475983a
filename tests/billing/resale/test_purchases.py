"""Purchases: bought by strangers, kept by their token, and the key that works while they stand."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from billing.resale.checkout import MAXIMUM_OPEN
from billing.resale.due import due_note
from billing.resale.models import DueWhat, Purchase, PurchaseDue, PurchaseStanding
from billing.resale.purchases import (
    link_mail,
    purchase_by_token,
    purchase_cancel,
    purchase_keep,
    purchase_portal,
    purchase_refresh,
)
from billing.resale.tokens import token_for
from billing.stripe.models import StripeEvent
from core import crypto, keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_delete
from mcp_runtime.services.offers import offer_withdraw, purchase_endpoint
from mcp_runtime.services.purchase_keys import purchase_key_issue, purchase_key_of, purchase_key_revoke
from tenants.services.tenants import tenant_delete
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import BACK, DAY, GOOD, REFUSED, Shop
from tests.conftest import Cast, make_cast
from tests.races import at_once

FAILS = "pm_card_chargeCustomerFail"


@pytest.fixture
def selling(seller: Seller) -> Seller:
    """A seller whose account takes payments, and whose webhooks arrive."""
    seller.listen()
    seller.onboard()
    return seller


def test_a_stranger_buys_and_gets_a_key(selling: Seller) -> None:
    offer = selling.offer(tools=["today"])
    opened, token, url = selling.open(offer)
    assert (opened.standing, opened.is_served) == (PurchaseStanding.OPENED, False)
    assert Shop.type_card(url, GOOD).headers["location"] == BACK
    bought = purchase_refresh(purchase_by_token(token))
    assert (bought.standing, bought.is_served) == (PurchaseStanding.ACTIVE, True)
    key, secret = purchase_key_issue(bought)
    assert (key.endpoint_id, key.tools) == (selling.endpoint.pk, ["today"])
    assert keys.digest(secret) in selling.served()
    found = purchase_endpoint(bought)
    assert found is not None
    assert found[1] == selling.endpoint


def test_coming_back_twice_and_the_webhook_besides_come_to_the_same(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    outcomes = at_once(*[lambda: purchase_refresh(bought)] * 3, selling.deliver)
    assert [each.standing for each in outcomes[:3] if isinstance(each, Purchase)] == ["active"] * 3
    assert len(selling.sales()) == 1
    receipts = [sent for sent in mail.outbox if sent.to == [bought.email]]
    assert len(receipts) == 1


def test_the_receipt_holds_the_link_and_no_header_does(selling: Seller) -> None:
    bought = selling.buy(selling.offer(), email="carol@example.com")
    (receipt,) = [sent for sent in mail.outbox if sent.to == ["carol@example.com"]]
    token = token_for(bought.tenant_id, bought.pk)
    assert token in receipt.body
    assert token not in receipt.subject
    assert purchase_by_token(token) == bought
    assert bought.token_digest == keys.digest(token)


@pytest.mark.parametrize(
    "email",
    ["", "x", "a@b@c", "a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y", "a\0@example.com", "a" * 300],
)
def test_what_is_no_address_buys_nothing(selling: Seller, email: str) -> None:
    offer = selling.offer()
    with pytest.raises(Refused) as refused:
        selling.open(offer, email)
    assert refused.value.refusal == refusals.INVALID_INPUT
    assert list(refused.value.data["fields"]) == ["email"]


def test_tokens_cannot_be_guessed_or_carried_over(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    token = token_for(bought.tenant_id, bought.pk)
    other = make_cast().tenant
    owner = crypto.encode(other.id.bytes)
    for wrong in (
        "", "apt_", "apt_x", token[:-1], token + "A", token[:-1] + ("A" if token[-1] != "A" else "B"), token.upper(),
        token.replace("apt_", "aak_"), f"apt_{owner}_{token.split('_')[-1]}", str(bought.pk), "apt_" + "\0" * 60,
        token_for(other.id, bought.pk),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            purchase_by_token(wrong)
        assert refused.value.refusal == refusals.NOT_FOUND


def test_a_withdrawn_offer_is_bought_by_nobody_else(selling: Seller) -> None:
    offer = selling.offer()
    kept = selling.buy(offer)
    _, _, url = selling.open(offer)
    offer_withdraw(actor=selling.alice, slug=offer.slug)
    with pytest.raises(Refused) as refused:
        selling.open(offer)
    assert refused.value.refusal == refusals.NOT_FOUND
    selling.follow()
    # The page that was open is closed.
    assert Shop.type_card(url, GOOD).status_code == 400
    assert selling.again(kept).standing == PurchaseStanding.ACTIVE


def test_who_paid_before_the_page_was_closed_has_bought(selling: Seller) -> None:
    offer = selling.offer()
    purchase, _, url = selling.open(offer)
    offer_withdraw(actor=selling.alice, slug=offer.slug)
    assert Shop.type_card(url, GOOD).status_code == 303
    selling.follow()
    assert selling.again(purchase).standing == PurchaseStanding.ACTIVE


def test_an_account_that_takes_no_payments_sells_nothing(selling: Seller) -> None:
    offer = selling.offer()
    selling.told(restrict=["individual.id_number"])
    # Nobody was told yet: Stripe itself refuses the page.
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            selling.open(offer)
        assert refused.value.refusal == refusals.SELLER_NOT_READY
        selling.deliver()


def test_a_refused_card_leaves_the_page_open(selling: Seller) -> None:
    offer = selling.offer()
    purchase, _, url = selling.open(offer)
    assert Shop.type_card(url, REFUSED).status_code == 402
    selling.deliver()
    assert purchase_refresh(purchase).standing == PurchaseStanding.OPENED
    with pytest.raises(Refused) as refused:
        purchase_key_issue(purchase)
    assert refused.value.refusal == refusals.CONFLICT
    assert Shop.type_card(url, GOOD).status_code == 303
    assert purchase_refresh(purchase).standing == PurchaseStanding.ACTIVE


def test_who_is_killed_before_the_page_is_written_down_loses_no_payment(selling: Seller) -> None:
    purchase, _, url = selling.open(selling.offer())
    with tenant_context(selling.shop.tenant.id):
        Purchase.objects.filter(pk=purchase.pk).update(checkout_id="", checkout_url="")
    assert Shop.type_card(url, GOOD).status_code == 303
    selling.deliver()
    assert selling.again(purchase).standing == PurchaseStanding.ACTIVE


def test_whoever_is_killed_in_an_event_leaves_it_to_another(selling: Seller) -> None:
    purchase, _, url = selling.open(selling.offer())
    assert Shop.type_card(url, GOOD).status_code == 303
    identifiers = selling.arrived()
    # Begun, and never finished; then its hold ran out.
    StripeEvent.objects.filter(pk__in=identifiers).update(tries=1)
    selling.deliver()
    assert selling.again(purchase).standing == PurchaseStanding.ACTIVE
    with tenant_context(selling.shop.tenant.id):
        due_note(purchase, DueWhat.PUBLISH)
    selling.follow()
    assert not PurchaseDue.objects.filter(purchase_id=purchase.pk).exists()


def test_open_pages_are_bounded(selling: Seller) -> None:
    offer = selling.offer()
    with tenant_context(selling.shop.tenant.id):
        Purchase.objects.bulk_create(
            Purchase(
                tenant=selling.shop.tenant, offer=offer, email="a@example.com", token_digest=f"{number}",
                expires_at=timezone.now() + timedelta(minutes=5),
            )
            for number in range(MAXIMUM_OPEN)
        )  # fmt: skip
    with pytest.raises(Refused) as refused:
        selling.open(offer)
    assert refused.value.refusal == refusals.RATE_LIMITED


def test_one_key_works_for_a_purchase(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    _, former = purchase_key_issue(bought)
    latter, secret = purchase_key_issue(bought)
    assert selling.served() == {keys.digest(secret)} != {keys.digest(former)}
    assert purchase_key_of(bought) == latter
    at_once(*[lambda: purchase_key_issue(bought)] * 3)
    assert len(selling.served()) == 1
    purchase_key_revoke(bought)
    assert (purchase_key_of(bought), selling.served()) == (None, set())


def test_a_key_works_while_its_purchase_is_paid(selling: Seller) -> None:
    clock = selling.clock()
    selling.told(never_paid="unpaid")
    bought = selling.buy(selling.offer())
    _, secret = purchase_key_issue(bought)
    clock.pay_with(bought, FAILS)
    clock.advance(32 * DAY)
    selling.deliver()
    assert selling.again(bought).standing == PurchaseStanding.PAST_DUE
    assert selling.served() == {keys.digest(secret)}
    clock.advance(60 * DAY)
    selling.deliver()
    assert selling.again(bought).standing == PurchaseStanding.UNPAID
    assert selling.served() == set()
    with pytest.raises(Refused) as refused:
        purchase_key_issue(bought)
    assert refused.value.refusal == refusals.CONFLICT
    clock.pay_with(bought, "pm_card_visa")
    unpaid = selling.shop.client.v1.invoices.list({"status": "open"}, selling.options).data
    for invoice in unpaid[::-1]:
        assert invoice.id
        selling.shop.client.v1.invoices.pay(invoice.id, None, selling.options)
    selling.deliver()
    assert selling.again(bought).standing == PurchaseStanding.ACTIVE
    assert selling.served() == {keys.digest(secret)}
    subjects = [sent.subject for sent in mail.outbox if sent.to == [bought.email]]
    assert subjects == ["Weather from " + selling.shop.tenant.name, "A payment for Weather failed"]


def test_a_cancelled_purchase_goes_on_until_its_month_is_over(selling: Seller) -> None:
    clock = selling.clock()
    bought = selling.buy(selling.offer())
    purchase_key_issue(bought)
    cancelled = purchase_cancel(bought)
    assert (cancelled.standing, cancelled.cancel_at) == (PurchaseStanding.ACTIVE, cancelled.period_end)
    assert purchase_keep(cancelled).cancel_at is None
    purchase_cancel(bought)
    assert len(selling.served()) == 1
    clock.advance(32 * DAY)
    selling.deliver()
    ended = selling.again(bought)
    assert (ended.standing, selling.served()) == (PurchaseStanding.ENDED, set())
    for act in (purchase_cancel, purchase_keep, purchase_key_issue):
        with pytest.raises(Refused) as refused:
            act(ended)
        assert refused.value.refusal == refusals.CONFLICT
    assert mail.outbox[-1].subject == f"Weather from {selling.shop.tenant.name} is over"


def test_the_portal_is_the_buyers_own(selling: Seller) -> None:
    opened, _, _ = selling.open(selling.offer())
    with pytest.raises(Refused) as refused:
        purchase_portal(opened, BACK)
    assert refused.value.refusal == refusals.CONFLICT
    bought = selling.buy(selling.offer())
    assert [purchase_portal(bought, BACK).startswith(selling.shop.simulator.url) for _ in range(2)] == [True, True]
    listed = selling.shop.client.v1.billing_portal.configurations.list(options=selling.options)
    assert len(listed.data) == 1


def test_a_link_is_sent_to_who_bought_and_nobody_is_told(selling: Seller) -> None:
    offer = selling.offer()
    bought = selling.buy(offer, email="dora@example.com")
    mail.outbox.clear()
    slug = selling.shop.tenant.slug
    for tenant_slug, offer_slug, email in (
        (slug, offer.slug, "stranger@example.com"), (slug, "nothing", "dora@example.com"), (slug, "\0", "x"),
        ("nobody", offer.slug, "dora@example.com"), (slug, offer.slug, "dora@example.com\r\nBcc: x@example.com"),
        (make_cast().tenant.slug, offer.slug, "dora@example.com"),
    ):  # fmt: skip
        link_mail(tenant_slug, offer_slug, email)
    assert mail.outbox == []
    link_mail(slug, offer.slug, "Dora@Example.com")
    (sent,) = mail.outbox
    assert sent.to == ["dora@example.com"]
    assert token_for(bought.tenant_id, bought.pk) in sent.body


def test_what_was_bought_ends_with_the_endpoint(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    _, _, url = selling.open(selling.offer())
    with tenant_context(selling.shop.tenant.id):
        acting = Cast.acting_inside(selling.shop.cast.alice, selling.shop.tenant)
        endpoint_delete(actor=acting, endpoint_slug=selling.endpoint.slug)
    selling.follow()
    ended = selling.again(bought)
    assert (ended.standing, ended.end_reason) == (PurchaseStanding.ENDED, "The seller deleted what it sold.")
    assert selling.shop.client.v1.subscriptions.list(None, selling.options).data == []
    assert Shop.type_card(url, GOOD).status_code == 400
    selling.follow()
    assert "The seller deleted what it sold." in mail.outbox[-1].body
    with pytest.raises(Refused) as refused:
        purchase_key_issue(ended)
    assert refused.value.refusal == refusals.NOT_FOUND


def test_what_was_bought_ends_with_the_tenant(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    with tenant_context(selling.shop.tenant.id):
        tenant_delete(actor=Cast.acting_inside(selling.shop.cast.alice, selling.shop.tenant))
    selling.end()
    assert selling.again(bought).standing == PurchaseStanding.ENDED
    with pytest.raises(Refused) as refused:
        selling.open(bought.offer)
    assert refused.value.refusal == refusals.NOT_FOUND
