"""What calls cost, and the spending cap, over REST."""

from datetime import UTC, datetime

from billing.ledger.models import UsageHour
from core.tenancy import tenant_context
from tests.billing.ships import ENDPOINT
from tests.conftest import Cast
from tests.console.api.conftest import Keys
from tests.entitled import entitle_outside

CAP = "/billing/cap"


def _use(cast: Cast, calls: int) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with tenant_context(cast.tenant.id):
        UsageHour.objects.create(
            tenant=cast.tenant, hour=hour, endpoint_id=ENDPOINT, method="tools/call", name="echo", principal="key:1",
            calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0, bytes_out=0,
        )  # fmt: skip


def test_the_period_says_what_is_used_expected_and_would_cost_elsewhere(keys: Keys, cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "professional")
    _use(cast, 5_000_400)
    answer = keys.admin.get("/billing/period")
    assert answer.status == 200
    assert answer.body["used"] == {"calls": 5_000_400, "included": 5_000_000, "beyond": 400, "cents": 2}
    assert answer.body["expected"]["calls"] >= 5_000_400
    plans = {plan["plan"]: plan for plan in answer.body["plans"]}
    assert plans.keys() == {"developer", "professional", "enterprise"}
    assert plans["developer"]["refused"] >= 4_000_400
    assert plans["professional"]["cents"] == 49_900 + answer.body["expected"]["cents"]


def test_a_cap_is_set_shown_and_taken_away(keys: Keys) -> None:
    assert keys.admin.get(CAP).status == 404
    assert keys.admin.put(CAP, cents=500, is_hard=True).body == {"cents": 500, "is_hard": True}
    assert keys.admin.get(CAP).body == {"cents": 500, "is_hard": True}
    assert keys.admin.delete(CAP).status == 204
    assert keys.admin.get(CAP).status == 404


def test_what_is_no_amount_is_refused(keys: Keys) -> None:
    for cents in (-1, 10**12, "many", 1.5, None):
        assert keys.admin.put(CAP, cents=cents, is_hard=True).code == "invalid_input"


def test_money_is_for_those_who_manage_it(keys: Keys) -> None:
    for key in (keys.viewer, keys.developer):
        assert key.get("/billing/period").code == "permission_denied"
        assert key.get(CAP).code == "permission_denied"
        assert key.put(CAP, cents=1, is_hard=False).code == "permission_denied"
        assert key.delete(CAP).code == "permission_denied"
