"""Usage over REST: sums, and the calls themselves."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from billing.ledger.summing import usage_sum
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create
from tests.billing.ships import Ships
from tests.conftest import Cast, unique
from tests.console.api.conftest import Keys

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
TUESDAY = TODAY - timedelta(days=3)
KEY = uuid.uuid4()


@pytest.fixture
def endpoint(cast: Cast) -> Endpoint:
    """An endpoint with calls of three days, by a key and by somebody else."""
    with tenant_context(cast.tenant.id):
        made = endpoint_create(actor=cast.acting_inside(cast.alice, cast.tenant), slug=unique("e"), name="Demo")
    by_key, other = Ships(cast.tenant, made.pk, f"key:{KEY}"), Ships(cast.tenant)
    by_key(TUESDAY + timedelta(hours=9), 3)
    by_key(TUESDAY + timedelta(hours=10, minutes=1), 2, outcome="failed")
    by_key(TUESDAY + timedelta(days=1), 1)
    other(TUESDAY + timedelta(hours=9), 4, name="other")
    usage_sum()
    return made


def _query(path: str = "/usage", **named: Any) -> str:
    moments = {"from": TUESDAY.isoformat(), "to": (TUESDAY + timedelta(days=3)).isoformat()}
    return f"{path}?{urlencode(moments | named)}"


def test_what_did_this_key_call_on_tuesday(keys: Keys, endpoint: Endpoint) -> None:
    whole_day = {"from": TUESDAY.isoformat(), "to": (TUESDAY + timedelta(days=1)).isoformat()}
    answer = keys.viewer.get(_query("/usage/calls", key=KEY, **whole_day))
    assert (answer.status, answer.body["total"]) == (200, 5)
    assert [call["outcome"] for call in answer.body["items"]] == ["failed", "failed", "ok", "ok", "ok"]
    latest = answer.body["items"][0]
    assert (latest["principal"], latest["name"], latest["endpoint_id"]) == (f"key:{KEY}", "echo", str(endpoint.pk))
    assert latest["at"] == (TUESDAY + timedelta(hours=10, minutes=1)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("day", [9, 1]),
        ("hour", [7, 2, 1]),
        ("tool", [6, 4]),
        ("key", [6, 4]),
        ("endpoint", [6, 4]),
    ],
)
def test_sums_by_whatever_is_asked_for(keys: Keys, endpoint: Endpoint, by: str, groups: list[int]) -> None:
    body = keys.viewer.get(_query(by=by)).body
    assert [group["calls"] for group in body["items"]] == groups
    sums = {"calls": 10, "billable": 8, "errors": 2, "microseconds": 1000, "bytes_in": 100, "bytes_out": 200}
    assert (body["total"], body["sums"]) == (len(groups), sums)


def test_filters_and_pages(keys: Keys, endpoint: Endpoint) -> None:
    assert keys.viewer.get(_query(endpoint=endpoint.slug)).body["sums"]["calls"] == 6
    assert keys.viewer.get(_query(tool="other")).body["sums"]["calls"] == 4
    assert keys.viewer.get(_query(key=KEY, tool="other")).body["sums"]["calls"] == 0
    page = keys.viewer.get(_query("/usage/calls", limit=4, offset=8)).body
    assert (len(page["items"]), page["total"]) == (2, 10)


def test_a_neighbour_reads_none_of_it(keys: Keys, endpoint: Endpoint) -> None:
    assert keys.stranger.get(_query()).body["sums"]["calls"] == 0
    assert keys.stranger.get(_query("/usage/calls", key=KEY)).body["items"] == []
    assert keys.stranger.get(_query(endpoint=endpoint.slug)).code == "not_found"


@pytest.mark.parametrize(
    ("path", "named", "fields"),
    [
        ("/usage", {"from": "2020-01-01T00:00:00Z"}, ["from"]),
        ("/usage", {"from": (TUESDAY - timedelta(days=40)).isoformat(), "by": "hour"}, ["from"]),
        ("/usage/calls", {"from": (TUESDAY - timedelta(days=40)).isoformat()}, ["from"]),
        ("/usage", {"to": TUESDAY.isoformat()}, ["to"]),
        ("/usage", {"by": "moon"}, ["by"]),
        ("/usage", {"from": "yesterday"}, ["from"]),
        ("/usage", {"from": "2026-01-01T00:00:00"}, ["from"]),
        ("/usage/calls", {"key": "mine"}, ["key"]),
        ("/usage/calls", {"tool": "a\x00b"}, ["tool"]),
        ("/usage/calls", {"limit": "101"}, ["limit"]),
    ],
)
def test_bad_questions_are_refused_by_field(keys: Keys, path: str, named: dict[str, str], fields: list[str]) -> None:
    assert keys.viewer.get(_query(path, **named)).fields == fields
