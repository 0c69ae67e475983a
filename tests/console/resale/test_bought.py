"""A buyer's own page: from the first key to the end, and what it never tells anybody else."""

import logging
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing.resale.due import MAIL_LINKS
from billing.resale.models import Purchase, PurchaseStanding
from billing.tasks import mail_purchase_links
from console import pace
from core.tenancy import tenant_context
from tests.asked_jobs import asked
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import REFUSED
from tests.console.resale.shopping import Buyer


@pytest.fixture
def buyer(seller: Seller) -> Buyer:
    """Nora, before an offer that is on sale."""
    seller.onboard()
    return Buyer(seller, seller.offer())


def _links_asked(buyer: Buyer) -> list[list[str]]:
    return [words for words in asked(MAIL_LINKS) if words[1] == buyer.offer.slug]


def test_paid_is_active_and_a_key_with_lines_to_paste(buyer: Buyer) -> None:
    page = buyer.buy()
    assert "Active" in page.text
    assert "Get my key" in page.text
    shown = buyer.post("key/")
    assert "Your key" in shown.text
    assert f"claude mcp add --transport http {buyer.seller.endpoint.slug}" in shown.text
    assert "YOUR_KEY" not in shown.text
    later = buyer.get()
    assert "Your key begins with" in later.text
    assert "YOUR_KEY" in later.text


def test_a_key_is_shown_once_and_replaced_by_another(buyer: Buyer) -> None:
    buyer.buy()
    first = buyer.key()
    assert first not in buyer.get().text
    assert buyer.key() != first


def test_coming_back_twice_is_one_purchase(buyer: Buyer, seller: Seller) -> None:
    buyer.buy()
    assert "Active" in buyer.get("returned/").text
    with tenant_context(seller.shop.tenant.id):
        assert Purchase.objects.filter(standing=PurchaseStanding.ACTIVE).count() == 1


def test_a_refused_card_buys_nothing(buyer: Buyer, seller: Seller) -> None:
    assert seller.shop.type_card(buyer.begin(), REFUSED).status_code != 303
    page = buyer.get("returned/")
    assert "Not paid yet" in page.text
    assert "Get my key" not in page.text
    assert "Get my key" not in buyer.post("key/").text
    assert "YOUR_KEY" not in buyer.post("key/").text


def test_without_the_token_a_page_tells_nothing(buyer: Buyer) -> None:
    buyer.buy()
    buyer.key()
    for held in ("", "x" * 43, "\x00", "a" * 5000):
        stranger = Client()
        stranger.cookies["purchase"] = held
        for act in ("", "returned/", "cancel/"):
            page = stranger.get(buyer.path + act, follow=True)
            assert "Send me the link" in page.text
            assert buyer.email not in page.text
        for act in ("key/", "portal/", "cancel/", "keep/"):
            page = stranger.post(buyer.path + act, follow=True)
            assert "Send me the link" in page.text
    assert buyer.purchase().cancel_at is None


def test_a_token_opens_its_own_offer_and_no_other(buyer: Buyer, seller: Seller) -> None:
    buyer.buy()
    other = Buyer(seller, seller.offer(), client=buyer.client)
    token = buyer.client.cookies["purchase"].value
    stranger = Client()
    stranger.cookies["purchase"] = token
    assert "Send me the link" in stranger.get(other.path).text
    assert "Send me the link" in stranger.get(f"/bought/{seller.shop.cast.elsewhere.slug}/{buyer.offer.slug}/").text
    assert "Active" in stranger.get(buyer.path).text


def test_what_is_there_and_what_is_not_look_alike(buyer: Buyer) -> None:
    there, nowhere = Client().get(buyer.path), Client().get("/bought/nobody/nothing/")
    assert there.status_code == nowhere.status_code == 200
    assert there.text.count("Send me the link") == nowhere.text.count("Send me the link") == 1


def test_pages_of_a_purchase_are_kept_and_told_nowhere(buyer: Buyer) -> None:
    buyer.buy()
    for answer in (buyer.get(), buyer.post("key/"), Client().get(buyer.path)):
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in answer["X-Robots-Tag"]


def test_a_mailed_link_leads_on_without_its_token(buyer: Buyer, caplog: pytest.LogCaptureFixture) -> None:
    buyer.buy()
    token = buyer.client.cookies["purchase"].value
    elsewhere = Client()
    with caplog.at_level(logging.DEBUG):
        opened = elsewhere.get(f"{buyer.path}open/{token}/")
        wrong = elsewhere.get(f"{buyer.path}open/{'%00' * 3}{token}/")
        assert "Active" in elsewhere.get(opened["Location"]).text
    assert (opened.status_code, opened["Location"]) == (302, buyer.path)
    assert (wrong.status_code, wrong["Location"]) == (302, buyer.path)
    assert opened["Referrer-Policy"] == "same-origin"
    assert not [record for record in caplog.records if token in record.getMessage()]


def test_a_lost_link_is_sent_to_whoever_bought_and_nobody_else(buyer: Buyer) -> None:
    buyer.buy()
    mail.outbox.clear()
    stranger = Client()
    answers = []
    for email in ("mallory@example.com", buyer.email.upper(), buyer.email):
        answer = stranger.post(f"{buyer.path}link/", {"email": email}, follow=True)
        answers.append((answer.status_code, "a link is on its way" in answer.text))
    assert answers == [(200, True)] * 3
    assert not mail.outbox
    for arguments in _links_asked(buyer):
        mail_purchase_links(*arguments)
    assert len(mail.outbox) == 2
    assert {address for message in mail.outbox for address in message.to} == {buyer.email}
    assert "Active" in Client().get(buyer.link(), follow=True).text


@pytest.mark.parametrize("email", ["", "nora", "a@b.c\nBcc: m@example.com", "a@b.com\r\nX: 1", "\x00@b.com"], ids=repr)
def test_no_link_goes_to_what_is_no_address(buyer: Buyer, email: str) -> None:
    answer = Client().post(f"{buyer.path}link/", {"email": email})
    assert answer.status_code == 422
    assert not _links_asked(buyer)


def test_it_ends_with_the_period_when_it_is_cancelled(buyer: Buyer) -> None:
    buyer.buy()
    assert "Your key works until" in buyer.get("cancel/").text
    told = buyer.post("cancel/")
    assert "It ends on" in told.text
    assert "nothing to cancel" in buyer.get("cancel/").text
    assert buyer.purchase().cancel_at is not None
    assert "It goes on as before" in buyer.post("keep/").text
    assert buyer.purchase().cancel_at is None
    assert "It ends on" not in buyer.get("").text


def test_card_and_invoices_are_at_stripe(buyer: Buyer) -> None:
    buyer.buy()
    answer = buyer.client.post(f"{buyer.path}portal/")
    assert 'http-equiv="refresh"' in answer.text
    assert buyer.seller.shop.simulator.url in answer.text


@pytest.mark.parametrize(
    ("standing", "words", "connects"),
    [
        (PurchaseStanding.PAST_DUE, "A payment failed", "Replace my key"),
        (PurchaseStanding.UNPAID, "your key is off", ""),
        (PurchaseStanding.ENDED, "It is over", ""),
    ],
)
def test_a_purchase_says_how_it_stands(buyer: Buyer, standing: str, words: str, connects: str) -> None:
    buyer.buy()
    buyer.key()
    with tenant_context(buyer.seller.shop.tenant.id):
        Purchase.objects.update(standing=standing, ended_at=timezone.now() + timedelta(0))
    page = buyer.get()
    assert words in page.text
    assert ("Replace my key" in page.text) is bool(connects)


def test_an_ended_purchase_gets_no_key(buyer: Buyer) -> None:
    buyer.buy()
    with tenant_context(buyer.seller.shop.tenant.id):
        Purchase.objects.update(standing=PurchaseStanding.ENDED)
    answer = buyer.post("key/")
    assert "data-copy-text" not in answer.text
    assert "It is over" in answer.text


def test_a_browser_forgets(buyer: Buyer) -> None:
    buyer.buy()
    assert "has forgotten it" in buyer.post("forget/").text
    assert "Send me the link" in buyer.get().text


@pytest.mark.parametrize(
    ("what", "act"),
    [(pace.PURCHASE_SHOWN, ""), (pace.PURCHASE_CHANGED, "key/"), (pace.PURCHASE_LINK, "link/")],
)
def test_an_address_guesses_so_often_and_no_more(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, what: str, act: str
) -> None:
    monkeypatch.setitem(pace.MOST, what, 2)
    client = Client(REMOTE_ADDR=f"10.78.{len(act)}.1")
    send = client.post if act else client.get
    answers = [send(buyer.path + act, {"email": buyer.email}).status_code for _ in range(4)]
    assert answers[2:] == [429] * 2
    assert 429 not in answers[:2]


def test_a_mailbox_is_not_filled_from_many_addresses(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer.buy()
    monkeypatch.setitem(pace.MOST, pace.PURCHASE_LINK, 2)
    for number in range(5):
        Client(REMOTE_ADDR=f"10.79.{number}.1").post(f"{buyer.path}link/", {"email": buyer.email})
    assert len(_links_asked(buyer)) == 2
