"""The usage page."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from billing.ledger.summing import usage_sum
from mcp_runtime.models import Endpoint
from tests.billing.ships import Ships
from tests.conftest import Cast

NOW = datetime.now(UTC)


def test_without_calls_it_says_so_and_what_to_do(alice: Client, base: str) -> None:
    answer = alice.get(f"{base}/usage/")
    assert answer.status_code == 200
    assert "No calls in this time" in answer.text
    assert '<svg class="bars"' not in answer.text


def test_it_shows_bars_sums_and_the_calls(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    ships = Ships(cast.tenant, endpoint.pk)
    ships(NOW - timedelta(minutes=1), 3)
    ships(NOW - timedelta(days=2), 2, outcome="failed", name="<b>odd</b>")
    usage_sum()
    answer = alice.get(f"{base}/usage/")
    assert answer.context["sums"]["calls"] == 5
    assert [bar.calls for bar in answer.context["chart"].bars if bar.calls] == [2, 3]
    assert max(bar.height for bar in answer.context["chart"].bars) == 120
    assert "&lt;b&gt;odd&lt;/b&gt;" in answer.text
    assert "<b>odd</b>" not in answer.text
    assert "7 days on the Developer plan" in answer.text
    assert answer.context["sums"]["billable"] == 3
    assert "failed calls and refusals are free" in answer.text
    day = alice.get(f"{base}/usage/?days=1")
    assert day.context["sums"]["calls"] == 3
    assert len(day.context["chart"].bars) == 24


def test_it_can_be_about_one_endpoint(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    Ships(cast.tenant)(NOW - timedelta(minutes=1), 2)
    usage_sum()
    assert alice.get(f"{base}/usage/").context["sums"]["calls"] == 2
    assert alice.get(f"{base}/usage/?endpoint={endpoint.slug}").context["sums"]["calls"] == 0


def test_whatever_is_no_choice_counts_as_none(alice: Client, base: str) -> None:
    for query in ("days=9", "days=x&endpoint=none", "page=-1&days=365", "endpoint=%00"):
        assert alice.get(f"{base}/usage/?{query}").status_code == 200
