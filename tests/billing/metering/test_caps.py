"""Spending caps: how many calls are left before one, who is told what and how often, and who may set it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from billing.entitlements import entitlement_of
from billing.ledger.models import UsageHour
from billing.metering.alerts import spending_settle
from billing.metering.caps import QUIET, cap_remove, cap_set
from billing.metering.models import UsageAlert
from billing.plans.models import Entitlement
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.billing.ships import ENDPOINT
from tests.conftest import Cast
from tests.entitled import entitle_outside

NOW = datetime.now(UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
# Professional: five millions are included, and a cent pays for 200 further ones.
INCLUDED = 5_000_000


@pytest.fixture(autouse=True)
def _professional(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "professional")
    mail.outbox.clear()


def _use(cast: Cast, calls: int, name: str = "echo") -> None:
    with tenant_context(cast.tenant.id):
        UsageHour.objects.create(
            tenant=cast.tenant, hour=HOUR, endpoint_id=ENDPOINT, method="tools/call", name=name, principal="key:1",
            calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0, bytes_out=0,
        )  # fmt: skip
    spending_settle(cast.tenant.id)


def _left(cast: Cast) -> int | None:
    with tenant_context(cast.tenant.id):
        return entitlement_of(cast.tenant.id).calls_left


def _lent(cast: Cast, **values: object) -> None:
    with tenant_context(cast.tenant.id):
        Entitlement.objects.update(**values)


def test_a_hard_cap_leaves_what_it_pays_for(cast: Cast) -> None:
    assert _left(cast) is None
    cap_set(actor=cast.acting(cast.alice), cents=10, is_hard=True)
    assert _left(cast) == INCLUDED + 2_000
    _use(cast, INCLUDED + 500)
    assert _left(cast) == 1_500
    cap_set(actor=cast.acting(cast.alice), cents=1, is_hard=True)
    assert _left(cast) == 0
    cap_remove(actor=cast.acting(cast.alice))
    assert _left(cast) is None


def test_while_workers_borrow_what_is_left_is_only_lowered(cast: Cast) -> None:
    cap_set(actor=cast.acting(cast.alice), cents=0, is_hard=True)
    _lent(cast, calls_left=10, calls_lent_at=NOW)
    _use(cast, 5)
    assert _left(cast) == 10
    _lent(cast, calls_lent_at=NOW - QUIET - timedelta(seconds=1))
    spending_settle(cast.tenant.id)
    assert _left(cast) == INCLUDED - 5
    _lent(cast, calls_lent_at=NOW)
    _use(cast, INCLUDED - 10, name="other")
    assert _left(cast) == 5


def test_another_period_begins_with_all_of_it(cast: Cast) -> None:
    cap_set(actor=cast.acting(cast.alice), cents=0, is_hard=True)
    _lent(cast, calls_left=0, calls_lent_at=NOW + timedelta(days=32))
    spending_settle(cast.tenant.id, NOW + timedelta(days=32))
    assert _left(cast) == INCLUDED


def test_a_soft_cap_is_told_of_and_nothing_else(cast: Cast) -> None:
    cap_set(actor=cast.acting(cast.alice), cents=10, is_hard=False)
    _use(cast, INCLUDED + 1_000)
    assert _left(cast) is None
    (told,) = mail.outbox
    assert told.to == [cast.alice.email]
    assert "100 % of the calls that its plan includes (5,001,000 calls)" in told.body
    assert "50 % of its cap of $0.10" in told.body
    _use(cast, 1_000, name="other")
    assert "100 % of its cap" in mail.outbox[1].body
    assert "refused" not in mail.outbox[1].body


def test_each_threshold_is_told_once_in_a_period(cast: Cast) -> None:
    for name, calls in (("a", INCLUDED // 2 - 1), ("b", 1), ("c", 1), ("d", INCLUDED * 3 // 10), ("e", INCLUDED)):
        _use(cast, calls, name)
    subjects = [each.subject.split(":")[0] for each in mail.outbox]
    assert subjects == ["50 % reached", "80 % reached", "100 % reached"]
    with tenant_context(cast.tenant.id):
        assert set(UsageAlert.objects.values_list("percent", flat=True)) == {50, 80, 100}


def test_at_a_hard_cap_it_is_said_that_calls_are_refused(cast: Cast) -> None:
    cap_set(actor=cast.acting(cast.alice), cents=0, is_hard=True)
    _use(cast, INCLUDED)
    assert "Further calls are refused." in mail.outbox[0].body


def test_mail_that_is_not_taken_is_sent_later(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr("billing.metering.alerts.send_mail", refused)
        _use(cast, INCLUDED)
    assert not mail.outbox
    for _ in range(2):
        spending_settle(cast.tenant.id)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("cents", [-1, 100_000_000_01])
def test_what_is_no_amount_is_refused(cast: Cast, cents: int) -> None:
    with pytest.raises(Refused) as refused:
        cap_set(actor=cast.acting(cast.alice), cents=cents, is_hard=True)
    assert refused.value.refusal is refusals.INVALID_INPUT


def test_only_those_who_manage_billing_set_it(cast: Cast) -> None:
    bob = cast.acting(cast.bob)
    with pytest.raises(Refused) as refused:
        cap_set(actor=bob, cents=1, is_hard=True)
    assert refused.value.refusal is refusals.PERMISSION_DENIED
    with pytest.raises(Refused):
        cap_remove(actor=bob)
