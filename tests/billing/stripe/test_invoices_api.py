"""Invoices over REST, down to the calls that a line bills."""

import pytest

from core.tenancy import tenant_context
from tenants.services.api_keys import api_key_issue
from tests.billing.stripe.metered import Metered
from tests.console.api.conftest import Api, Keys, keys

__all__ = ["keys"]


@pytest.fixture
def api(metered: Metered) -> Api:
    """An admin's client, after a month with more calls than are included was billed."""
    metered.ship(metered.first, 3, name="convert")
    metered.add(5_000_397, name="forecast")
    metered.send()
    metered.end_period()
    actor = metered.shop.alice
    with tenant_context(actor.tenant.id):
        return Api(api_key_issue(actor=actor, name="Books", role="admin")[1])


def test_an_invoice_opens_to_its_lines_and_a_line_to_its_calls(api: Api, keys: Keys) -> None:
    invoices = api.get("/billing/invoices").body
    assert invoices["total"] == 2
    latest = invoices["items"][0]
    one = f"/billing/invoices/{latest['id']}"
    assert api.get(one).body == latest
    assert (latest["total"], latest["status"], latest["amount_remaining"]) == (49_902, "paid", 0)
    lines = api.get(f"{one}/lines").body["items"]
    assert sum(line["amount"] for line in lines) == latest["total"]
    (billed,) = [line for line in lines if line["is_metered"] and line["amount"]]
    opened = api.get(f"{one}/lines/{billed['id']}").body
    assert (opened["quantity"], opened["included"], opened["billed"]) == (400, 5_000_000, 5_000_400)
    assert opened["is_exact"] is True
    assert {part["group"]: part["calls"] for part in opened["tools"]} == {"forecast": 5_000_397, "convert": 3}
    assert sum(part["calls"] for part in opened["endpoints"]) == opened["ledger"]
    calls = api.get(f"{one}/lines/{billed['id']}/calls?limit=2").body
    assert (calls["total"], len(calls["items"])) == (3, 2)
    assert {call["name"] for call in calls["items"]} == {"convert"}
    (fixed,) = [line for line in lines if not line["is_metered"]]
    assert api.get(f"{one}/lines/{fixed['id']}").status == 404
    for path in (one, f"{one}/lines", f"{one}/lines/{billed['id']}", f"{one}/lines/{billed['id']}/calls"):
        assert keys.stranger.get(path).status == 404


@pytest.mark.parametrize("wrong", ["in_nothing", "x" * 300, "%00", "' OR 1=1".replace(" ", "%20")])
def test_what_there_is_not_is_not_found(keys: Keys, wrong: str) -> None:
    for path in ("", "/lines", "/lines/il_1", "/lines/il_1/calls"):
        assert keys.admin.get(f"/billing/invoices/{wrong}{path}").status == 404
