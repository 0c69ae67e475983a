"""Mails to buyers: they name the seller and the offer, and no text of a seller's becomes a header."""

from collections.abc import Callable

import pytest
from django.core import mail
from pytest_django import Settings

from billing.resale.mails import (
    managing_link,
    managing_link_mail,
    payment_failed_mail,
    purchase_ended_mail,
    receipt_mail,
)

LINK = "https://console.example/bought/acme/weather/open/secret/"
TO = "nora@example.com"


def _receipt(seller: str, offer: str) -> bool:
    return receipt_mail(to=TO, seller=seller, offer=offer, price="$5.00 a month", link=LINK)


def _link(seller: str, offer: str) -> bool:
    return managing_link_mail(to=TO, seller=seller, offer=offer, link=LINK)


def _failed(seller: str, offer: str) -> bool:
    return payment_failed_mail(to=TO, seller=seller, offer=offer, link=LINK)


def _ended(seller: str, offer: str) -> bool:
    return purchase_ended_mail(to=TO, seller=seller, offer=offer, reason="You cancelled it.")


ALL = [_receipt, _link, _failed, _ended]


@pytest.mark.parametrize("send", ALL)
def test_a_mail_says_who_sold_what(send: Callable[[str, str], bool]) -> None:
    assert send("Acme", "Weather")
    (sent,) = mail.outbox
    assert sent.to == [TO]
    assert "Weather" in sent.subject
    assert "Acme" in str(sent.body)
    assert "passes payments on to Acme" in str(sent.body)
    assert "secret" not in sent.subject


@pytest.mark.parametrize("send", ALL)
def test_no_text_of_a_seller_becomes_a_header(send: Callable[[str, str], bool]) -> None:
    assert send("Acme\r\nBcc: mallory@example.com", "Weather\nX-Evil: 1")
    (sent,) = mail.outbox
    assert "\n" not in sent.subject
    assert sent.recipients() == [TO]
    assert set(sent.message().keys()) <= {
        "Content-Type", "MIME-Version", "Content-Transfer-Encoding", "Subject", "From", "To", "Date", "Message-ID",
    }  # fmt: skip


@pytest.mark.parametrize("send", ALL)
def test_a_mailbox_that_is_away_breaks_nothing(send: Callable[[str, str], bool], settings: Settings) -> None:
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 1},
        }
    }
    assert not send("Acme", "Weather")


def test_a_link_names_the_offer_and_carries_its_token(settings: Settings) -> None:
    settings.CONSOLE_URL = "https://console.example"
    assert managing_link("acme", "weather", "secret") == LINK
