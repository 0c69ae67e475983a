"""The plan, what is used of it, what is on sale and would cost, the trial, and months of uptime, over REST."""

from datetime import UTC, date, datetime

import pytest

from billing.ledger.models import UsageHour
from billing.metering.alerts import spending_settle
from billing.models import UptimeMonth
from core.tenancy import tenant_context
from tests.billing.ships import ENDPOINT
from tests.conftest import Cast
from tests.console.api.conftest import Keys
from tests.entitled import entitle_outside


def _use(cast: Cast, calls: int) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with tenant_context(cast.tenant.id):
        UsageHour.objects.create(
            tenant=cast.tenant, hour=hour, endpoint_id=ENDPOINT, method="tools/call", name="echo", principal="key:1",
            calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0, bytes_out=0,
        )  # fmt: skip


@pytest.mark.usefixtures("endpoint")
def test_the_plan_says_what_it_gives_and_what_is_used_of_it(keys: Keys, cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "developer", members=1)
    _use(cast, 7)
    body = keys.admin.get("/billing/plan").body
    assert (body["plan"], body["standing"], body["may_try"], body["subscription"]) == (
        "developer",
        "active",
        False,
        None,
    )
    assert (body["terms"]["endpoints"], body["terms"]["sso"]) == (10, False)
    used = {use["limit"]: (use["used"], use["allowed"], use["is_over"]) for use in body["used"]}
    assert used == {
        "calls_included": (7, 1_000_000, False),
        "endpoints": (1, 10, False),
        "members": (2, 1, True),
        "tools_per_endpoint": (0, 100, False),
        "requests": (0, 1_000_000, False),
    }
    assert body["excess"] == ["You have 2 members, Developer allows 1."]


def test_plans_on_sale_are_listed_and_estimated(keys: Keys, cast: Cast) -> None:
    plans = keys.admin.get("/billing/plans").body
    assert [plan["name"] for plan in plans] == ["developer", "professional", "enterprise", "unlimited"]
    assert (plans[1]["monthly_price_cents"], plans[1]["overage_millicents"]) == (49_900, "5.000000")
    asked = keys.admin.get("/billing/estimate?plan=professional&calls=5000400").body
    assert (asked["fixed"], asked["overage"], asked["cents"], asked["refused"]) == (49_900, 2, 49_902, 0)
    yearly = keys.admin.get("/billing/estimate?plan=professional&calls=0&interval=year").body
    assert yearly["cents"] == 41_583
    _use(cast, 10)
    assert keys.admin.get("/billing/estimate?plan=developer").body["calls"] >= 10


@pytest.mark.parametrize("query", ["calls=-1", "calls=NaN", "calls=1e99", "interval=week", "calls=1.5"])
def test_nonsense_is_not_estimated(keys: Keys, query: str) -> None:
    assert keys.admin.get(f"/billing/estimate?plan=professional&{query}").status == 422


@pytest.mark.parametrize("plan", ["nothing", "unlimited"])
def test_what_has_no_price_is_not_estimated(keys: Keys, plan: str) -> None:
    assert keys.admin.get(f"/billing/estimate?plan={plan}").status == 404


def test_a_trial_begins_once(keys: Keys) -> None:
    assert keys.admin.get("/billing/plan").body["may_try"] is True
    begun = keys.admin.post("/billing/trial")
    assert (begun.status, begun.body["plan"], begun.body["standing"]) == (201, "professional", "trialing")
    assert begun.body["until"]
    assert (keys.admin.post("/billing/trial").status, keys.admin.get("/billing/plan").body["may_try"]) == (409, False)


def test_what_was_reached_is_listed(keys: Keys, cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "professional")
    _use(cast, 4_000_000)
    spending_settle(cast.tenant.id)
    listed = keys.admin.get("/billing/alerts?limit=1").body
    assert listed["total"] == 2
    assert {row["percent"] for row in keys.admin.get("/billing/alerts").body["items"]} == {50, 80}
    assert keys.stranger.get("/billing/alerts").body["total"] == 0


def test_months_of_uptime_are_listed_for_everybody_who_may_look(keys: Keys, cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        UptimeMonth.objects.create(
            tenant=cast.tenant,
            month=date(2026, 10, 1),
            endpoints=[{"id": str(ENDPOINT), "name": "Weather", "counted": 43_200, "down": 3}],
            uptime="99.9931",
            share=0,
            credit_cents=0,
            currency="usd",
        )
    (month,) = keys.viewer.get("/billing/uptime").body["items"]
    assert (month["month"], month["uptime"], month["endpoints"][0]["down"]) == ("2026-10", "99.9931", 3)
    assert keys.stranger.get("/billing/uptime").body["items"] == []


@pytest.mark.parametrize("role", ["developer", "viewer"])
def test_who_may_not_pay_sees_no_plan(keys: Keys, role: str) -> None:
    asking = keys.of(role)
    for path in ("plan", "plans", "estimate?plan=professional", "alerts", "invoices", "invoices/in_1"):
        assert asking.get(f"/billing/{path}").status == 403
    assert asking.post("/billing/trial").status == 403
