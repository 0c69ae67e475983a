"""`armstrong billing`: the catalogue, and what became of events."""

import uuid

import pytest
import stripe
from django.utils import timezone
from pytest_django import Settings

from billing.models import UptimeMonth, UptimeWatch
from billing.stripe.models import EventState, StripeEvent
from config.cli import main
from core.tenancy import tenant_context
from tests.conftest import Cast
from tests.stripe_simulator.process import simulator_running


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["billing", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_without_an_account_there_is_a_sentence(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.STRIPE_API_KEY = ""
    assert main(["billing", "sync"]) == 1
    assert "takes no payments yet" in capsys.readouterr().err


def test_the_catalogue_is_made_and_then_it_is_there(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with simulator_running() as simulator:
        settings.STRIPE_API_KEY = f"sk_test_{uuid.uuid4().hex}"
        settings.STRIPE_API_URL = simulator.url
        lines = printed(capsys, "sync")
        assert {"made meter armstrong_calls", "made product armstrong_enterprise", "made price enterprise-1-year"} <= {
            *lines
        }
        assert printed(capsys, "sync") == ["Everything is there."]
        client = simulator.client(settings.STRIPE_API_KEY)
        (price,) = client.v1.prices.list({"lookup_keys": ["enterprise-1-year"]}).data
        _other_price(client, str(price.product))
        assert main(["billing", "sync"]) == 1
        assert "enterprise-1-year" in capsys.readouterr().err


def _other_price(client: stripe.StripeClient, product: str) -> None:
    """What somebody does who changes the price by hand."""
    client.v1.prices.create(
        {
            "product": product,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {"interval": "year"},
            "lookup_key": "enterprise-1-year",
            "transfer_lookup_key": True,
        }
    )


def test_what_is_to_be_credited_by_hand_is_listed_until_it_was(capsys: pytest.CaptureFixture[str], cast: Cast) -> None:
    with tenant_context(cast.tenant.pk):
        UptimeMonth.objects.create(
            tenant=cast.tenant, month="2026-10-01", endpoints=[], uptime="97.5", target="99.9", share=25,
            credit_cents=749_75, currency="usd",
        )  # fmt: skip
    UptimeWatch.objects.create(tenant_id=cast.tenant.pk, is_owed=True)
    line = f"{cast.tenant.slug}  2026-10  $749.75  by hand: it is no customer at Stripe"
    assert line in printed(capsys, "credits")
    assert main(["billing", "credits", cast.tenant.slug, "--month", "x"]) == 1
    assert printed(capsys, "credits", cast.tenant.slug, "--month", "2026-10")[0].endswith("was credited for 2026-10.")
    assert line not in printed(capsys, "credits")
    assert main(["billing", "credits", cast.tenant.slug, "--month", "2026-10"]) == 1


def test_events_that_were_given_up_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    now, name = timezone.now(), f"evt_{uuid.uuid4().hex}"
    StripeEvent.objects.create(
        id=name, type="invoice.paid", created=now, livemode=False, payload={}, state=EventState.DEAD, tries=8,
        error="ValueError: poison\nwith a second line", next_try=now,
    )  # fmt: skip
    (line,) = [line for line in printed(capsys, "events", "--state", "dead") if name in line]
    assert line.endswith("dead      8  " + name + "  invoice.paid  ValueError: poison")
    assert main(["billing", "events", "--state", "odd"]) == 1
    assert main(["billing", "replay", "evt_of_nobody"]) == 1
