"""Simulated payments of a running platform: bought at the stand-in, told by its webhook, applied by the jobs."""

import os
import signal
import time

import pytest

from tests.config.admission import upgrades
from tests.config.paying_platform import Paying
from tests.processes import eventually
from tests.running_platform import Platform, armstrong

# A second on a machine that does nothing else; this one may be busy.
LIVE_SECONDS = 10.0


@pytest.fixture
def paying(platform: Platform) -> Paying:
    """The platform, all of it well."""
    platform.await_health()
    return Paying(platform)


def test_what_is_bought_counts_and_outlives_the_stand_in(platform: Platform, paying: Paying) -> None:
    assert "payments are simulated: no money moves" in platform.printed()
    assert armstrong("billing", "sync", env=platform.environment).stdout == "Everything is there.\n"
    tenant = paying.demo()
    bought = paying.subscribe(paying.customer(tenant))
    began = time.monotonic()
    eventually(lambda: paying.plan(tenant) == "professional-1")
    assert time.monotonic() - began < LIVE_SECONDS
    former, kept = platform.children()["payments"]["pid"], platform.state / "payments.pickle"
    eventually(lambda: kept.exists() and bought.id.encode() in kept.read_bytes())
    os.kill(former, signal.SIGKILL)
    eventually(lambda: platform.children()["payments"].get("pid", former) != former)
    platform.await_health()
    paying.client.v1.subscriptions.cancel(bought.id)
    eventually(lambda: paying.plan(tenant) == "developer-1")


def test_an_upgrade_is_live_in_the_runtime_by_one_webhook_alone(paying: Paying) -> None:
    """How soon is `make bench BENCH_ARGS='--only upgrade'`; here nothing else tells the workers."""
    assert len(upgrades(paying, 2, eventually)) == 2
