"""Simulated payments of a running platform: bought at the stand-in, told by its webhook, applied by the jobs."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import stripe

from tests.processes import eventually
from tests.running_platform import Platform, armstrong

# A second on a machine that does nothing else; this one may be busy.
LIVE_SECONDS = 10.0
# The one who was killed comes back, and what it held is let go.
KILLED_SECONDS = 90.0


@pytest.fixture
def environment(platform: Platform) -> dict[str, str]:
    """What the platform runs with."""
    found: dict[str, str] = json.loads((platform.state / "environment.json").read_text())
    return found


@pytest.fixture
def client(environment: dict[str, str]) -> stripe.StripeClient:
    """The stand-in's API, as the platform itself asks it."""
    return stripe.StripeClient(environment["STRIPE_API_KEY"], base_addresses={"api": environment["STRIPE_API_URL"]})


@contextmanager
def database(platform: Platform, environment: dict[str, str]) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """The platform's database, in the context of the demo's tenant; and that tenant's id."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        slug = platform.facts["tenant"]
        row = connection.execute("SELECT tenant_id::text FROM tenants_tenantslug WHERE slug = %s", [slug]).fetchone()
        assert row
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [row[0]])
        yield connection, row[0]


def subscribed(platform: Platform, environment: dict[str, str], client: stripe.StripeClient) -> stripe.Subscription:
    """A new subscription to Professional of the demo's tenant."""
    with database(platform, environment) as (_, tenant):
        labels = {"armstrong_tenant": tenant}
    known = [each for each in client.v1.customers.list({}).data if each.metadata and each.metadata.to_dict() == labels]
    customer = known[0] if known else client.v1.customers.create({"metadata": labels})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    (price,) = client.v1.prices.list({"lookup_keys": ["professional-1-month"]}).data
    return client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id}
    )


def plan(platform: Platform, environment: dict[str, str]) -> str:
    with database(platform, environment) as (connection, _):
        row = connection.execute("SELECT plan_id FROM billing_entitlement").fetchone()
    assert row
    return str(row[0])


def test_what_is_bought_counts_and_outlives_the_stand_in(
    platform: Platform, environment: dict[str, str], client: stripe.StripeClient
) -> None:
    platform.await_health()
    assert "payments are simulated: no money moves" in platform.printed()
    assert armstrong("billing", "sync", env=platform.environment).stdout == "Everything is there.\n"
    bought = subscribed(platform, environment, client)
    began = time.monotonic()
    eventually(lambda: plan(platform, environment) == "professional-1")
    assert time.monotonic() - began < LIVE_SECONDS
    former, kept = platform.children()["payments"]["pid"], platform.state / "payments.pickle"
    eventually(lambda: kept.exists() and bought.id.encode() in kept.read_bytes())
    os.kill(former, signal.SIGKILL)
    eventually(lambda: platform.children()["payments"].get("pid", former) != former)
    platform.await_health()
    client.v1.subscriptions.cancel(bought.id)
    eventually(lambda: plan(platform, environment) == "developer-1")


def kill(platform: Platform, name: str) -> None:
    """Kills a process of the platform's, and waits until there is another."""
    former = platform.children()[name]["pid"]
    os.kill(former, signal.SIGKILL)
    eventually(lambda: platform.children()[name].get("pid", former) != former)


def unfinished(environment: dict[str, str]) -> int:
    """How many events wait."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT count(*) FROM billing_stripeevent WHERE state NOT IN ('applied', 'ignored')"
        ).fetchone()
    assert row
    return int(row[0])


@pytest.mark.timeout(300)
def test_whoever_is_killed_in_the_middle_it_comes_to_the_same(
    platform: Platform, environment: dict[str, str], client: stripe.StripeClient
) -> None:
    for killed in ("jobs", "console", "jobs"):
        platform.await_health()
        bought = subscribed(platform, environment, client)
        kill(platform, killed)
        eventually(lambda: plan(platform, environment) == "professional-1", KILLED_SECONDS)
        client.v1.subscriptions.cancel(bought.id)
        eventually(lambda: plan(platform, environment) == "developer-1", KILLED_SECONDS)
    eventually(lambda: unfinished(environment) == 0, KILLED_SECONDS)
    with database(platform, environment) as (connection, _):
        paid = connection.execute("SELECT sum(amount_paid), count(*) FROM billing_invoice").fetchone()
    charges = [charge.amount for charge in client.v1.charges.list({"limit": 100}).data if charge.status == "succeeded"]
    assert paid == (sum(charges), len(charges))
