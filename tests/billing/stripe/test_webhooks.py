"""Webhooks over HTTP: what is believed, what is refused, and that each event counts once, whatever happens to it."""

import json
import time
from typing import Any

import httpx
import pytest
import stripe
from pytest_django import Settings

from billing.stripe.applying import MAXIMUM_TRIES, event_apply, event_replay
from billing.stripe.catalogue_names import TENANT
from billing.stripe.customers import customer_link
from billing.stripe.models import EventState, StripeEvent
from billing.stripe.receiving import MAXIMUM_BODY_BYTES, TOLERANCE_SECONDS
from tests.billing.stripe.paying import Shop
from tests.conftest import unique

SECRET = "whsec_the_one_that_is_ours"


@pytest.fixture
def secret(shop: Shop, settings: Settings) -> str:
    """What the console believes."""
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    return SECRET


def event(**changed: Any) -> dict[str, Any]:
    """An event of a customer whom nobody knows."""
    about = {"object": "subscription", "id": unique("sub"), "customer": unique("cus")}
    made = {
        "object": "event", "id": unique("evt"), "type": "customer.subscription.updated", "created": int(time.time()),
        "livemode": False, "api_version": stripe.api_version, "data": {"object": about},
    }  # fmt: skip
    return made | changed


def stored(sent: dict[str, Any]) -> StripeEvent | None:
    return StripeEvent.objects.filter(pk=sent["id"]).first()


def test_what_is_signed_is_stored_once(shop: Shop, secret: str) -> None:
    sent = event()
    assert [shop.send(sent, secret).status_code for _ in range(3)] == [200, 200, 200]
    row = stored(sent)
    assert row is not None
    assert (row.type, row.state, row.payload, row.tries) == (sent["type"], EventState.RECEIVED, sent, 0)


def test_what_is_forged_is_refused(shop: Shop, secret: str) -> None:
    sent = event()
    body = json.dumps(sent).encode()
    good = stripe.WebhookSignature.generate_signature_header(body.decode(), secret)
    answers = [
        shop.send(sent, "whsec_of_somebody_else"),
        shop.post(body, ""),
        shop.post(body, "t=1,v1=00"),
        shop.post(body, "nonsense"),
        shop.post(body, good.replace("v1=", "v0=")),
        shop.post(body.replace(b"false", b"true "), good),
        shop.post(body + b" ", good),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(400, "webhook_refused")}
    assert stored(sent) is None
    assert shop.post(body, good).status_code == 200


def test_a_replayed_webhook_is_too_old(shop: Shop, secret: str) -> None:
    old, young = event(), event()
    now = int(time.time())
    assert shop.send(old, secret, at=now - TOLERANCE_SECONDS - 5).status_code == 400
    assert shop.send(young, secret, at=now - TOLERANCE_SECONDS + 20).status_code == 200
    assert (stored(old), stored(young) is not None) == (None, True)


def test_both_secrets_are_believed_while_one_is_exchanged(shop: Shop, settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    for secret, status in (("whsec_new", 200), ("whsec_old", 200), ("whsec_older", 400)):
        assert shop.send(event(), secret).status_code == status


def test_events_of_others_are_refused(shop: Shop, secret: str, settings: Settings) -> None:
    assert shop.send(event(account="acct_of_somebody"), secret).status_code == 400
    assert shop.send(event(livemode=True), secret).status_code == 400
    settings.STRIPE_API_KEY = "sk_live_0123456789"
    in_live = event()
    assert shop.send(in_live, secret).status_code == 400
    assert stored(in_live) is None
    settings.STRIPE_API_KEY = ""
    assert shop.send(event(), secret).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"id": 1}',
        json.dumps(event(id=["x"])).encode(),
        json.dumps(event(id="x" * 300)).encode(),
        json.dumps(event(created=1e300)).encode(),
        json.dumps(event(created="now")).encode(),
        json.dumps(event(data={"object": "text"})).encode(),
        json.dumps(event(data=None)).encode(),
        json.dumps(event(type=None)).encode(),
        json.dumps(event()).encode().replace(b"false", b"NaN"),
    ],
    ids=range(15),
)
def test_what_is_no_event_is_refused_in_our_words(shop: Shop, secret: str, body: bytes) -> None:
    answer = shop.send(body, secret)
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_refused")


def test_what_postgresql_cannot_store_is_left_out(shop: Shop, secret: str) -> None:
    sent = event()
    sent["data"]["object"]["description"] = "a\0b"
    assert shop.send(sent, secret).status_code == 200
    row = stored(sent)
    assert row is not None
    assert row.payload["data"]["object"]["description"] == "ab"


def test_a_body_is_read_no_further_than_it_may_be_long(shop: Shop, secret: str) -> None:
    sent = event(padding="x" * MAXIMUM_BODY_BYTES)
    answer = shop.send(sent, secret)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert stored(sent) is None


def test_only_post_is_an_event(shop: Shop) -> None:
    assert httpx.get(f"{shop.console_url}/webhooks/stripe").status_code == 405


def test_events_that_mean_nothing_here_are_kept_and_left_alone(shop: Shop, secret: str) -> None:
    sent = event(type="invoice.upcoming")
    assert shop.send(sent, secret).status_code == 200
    row = stored(sent)
    assert row is not None
    assert row.state == EventState.IGNORED
    assert not event_apply(sent["id"])


def test_an_unknown_customer_waits_until_it_is_known(shop: Shop) -> None:
    shop.listen()
    customer = shop.client.v1.customers.create({"email": "known.later@example.com", "metadata": {"other": "1"}})
    shop.subscribe(customer.id)
    shop.arrived()
    shop.work()
    states = set(StripeEvent.objects.filter(customer=customer.id).values_list("state", flat=True))
    assert states == {EventState.PARKED}
    assert shop.has()[0] == "developer-1"
    customer_link(tenant_id=shop.tenant.id, customer=customer.id)
    shop.work()
    states = set(StripeEvent.objects.filter(customer=customer.id).values_list("state", flat=True))
    assert states == {EventState.APPLIED}
    assert shop.has()[:2] == ("professional-1", "active")


def test_a_customer_that_was_made_and_forgotten_is_found_again(shop: Shop) -> None:
    shop.listen()
    customer = shop.client.v1.customers.create({"metadata": {TENANT: str(shop.tenant.id)}})
    shop.subscribe(customer.id)
    shop.deliver()
    assert shop.has()[:2] == ("professional-1", "active")


def test_a_customer_cannot_be_a_tenant_that_has_another(shop: Shop) -> None:
    shop.listen()
    shop.buy()
    shop.deliver()
    thief = shop.client.v1.customers.create({"metadata": {TENANT: str(shop.tenant.id)}})
    shop.subscribe(thief.id, "enterprise-1-month")
    shop.arrived()
    shop.work()
    assert shop.has()[:2] == ("professional-1", "active")


def test_poison_goes_to_the_dead_letters_and_comes_back_when_it_is_replayed(shop: Shop) -> None:
    shop.listen()
    customer = shop.client.v1.customers.create({"metadata": {TENANT: str(shop.tenant.id)}})
    product = shop.client.v1.products.create({"name": "Somebody's"})
    price = shop.client.v1.prices.create(
        {
            "product": product.id, "currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"},
            "metadata": {"armstrong_plan": "never-sold-1", "armstrong_interval": "month", "armstrong_usage": "base"},
        }
    )  # fmt: skip
    shop.subscribe(customer.id, price.id)
    shop.arrived()
    poison = next(each for each in shop.events() if each.type == "customer.subscription.created").id
    for _ in range(MAXIMUM_TRIES):
        assert event_apply(poison)
        StripeEvent.objects.filter(pk=poison).update(next_try=shop.now())
    row = StripeEvent.objects.get(pk=poison)
    assert (row.state, row.tries) == (EventState.DEAD, MAXIMUM_TRIES)
    assert "never-sold-1" in row.error
    assert not event_apply(poison)
    shop.client.v1.prices.update(price.id, {"metadata": {"armstrong_plan": "professional-1"}})
    assert event_replay(poison)
    row.refresh_from_db()
    assert (row.state, row.error) == (EventState.APPLIED, "")
    assert shop.has()[:2] == ("professional-1", "active")


def test_what_kills_its_process_each_time_is_given_up(shop: Shop, secret: str) -> None:
    sent = event()
    shop.send(sent, secret)
    # What a process leaves behind that was killed at each of its tries.
    StripeEvent.objects.filter(pk=sent["id"]).update(tries=MAXIMUM_TRIES)
    assert not event_apply(sent["id"])
    row = stored(sent)
    assert row is not None
    assert row.state == EventState.DEAD
    assert row.error


@pytest.mark.parametrize("status", [429, 500, 0])
def test_stripe_being_away_is_no_fault_of_the_event(shop: Shop, status: int) -> None:
    shop.listen()
    shop.buy()
    shop.arrived()
    identifier = next(each for each in shop.events() if each.type == "customer.subscription.created").id
    shop.simulator.told("outages", outages=[{"status": status, "times": 100, "path": "/v1/subscriptions"}])
    assert event_apply(identifier)
    row = StripeEvent.objects.get(pk=identifier)
    assert (row.state, row.tries) == (EventState.RECEIVED, 0)
    assert row.error
    assert row.next_try > shop.now()
    shop.simulator.told("outages", outages=[])
    StripeEvent.objects.filter(pk=identifier).update(next_try=shop.now())
    shop.work()
    assert shop.has()[:2] == ("professional-1", "active")


@pytest.mark.parametrize("weather", [{"duplicate": 1.0}, {"reorder": 0.6, "seed": 3}], ids=["doubled", "reordered"])
def test_the_weather_changes_nothing(shop: Shop, weather: dict[str, Any]) -> None:
    shop.simulator.told("webhooks", **weather)
    shop.listen()
    shop.buy()
    shop.simulator.told("webhooks")
    shop.deliver()
    assert shop.has()[:2] == ("professional-1", "active")


def test_events_that_are_applied_backwards_lead_to_the_same(shop: Shop) -> None:
    shop.listen()
    shop.buy()
    shop.client.v1.subscriptions.cancel(shop.subscription_at_stripe().id)
    shop.arrived()
    for each in reversed(shop.events()):
        event_apply(each.id)
    assert shop.has() == ("developer-1", "free", 1_000)
    assert shop.subscription().status == "canceled"
