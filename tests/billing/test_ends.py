"""Trials and contracts end by themselves on their day, and what is bought meanwhile is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.contracts import Agreed, contract_agree
from billing.entitlements import Limit, entitlement_grant, entitlement_of
from billing.plans.models import Contract, Entitlement, EntitlementDue, Standing
from billing.plans.selling import plan_on_sale
from billing.tasks import entitlements_settle_due
from billing.trials import TRIAL, may_try, trial_start
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.conftest import Cast

PASSED = timedelta(minutes=1)


def _held(cast: Cast) -> Entitlement:
    with tenant_context(cast.tenant.id):
        return entitlement_of(cast.tenant.id)


def _try(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        trial_start(actor=actor)


def _bought(cast: Cast, plan: str = "enterprise", standing: Standing = Standing.ACTIVE) -> None:
    with tenant_context(cast.tenant.id):
        entitlement_grant(tenant_id=cast.tenant.id, plan=plan_on_sale(plan), standing=standing)


def _let_the_time_come(cast: Cast, **until: object) -> None:
    with tenant_context(cast.tenant.id):
        Entitlement.objects.update(**until)
        EntitlementDue.objects.filter(tenant_id=cast.tenant.id).update(due_at=timezone.now() - PASSED)


def test_a_trial_gives_professional_for_two_weeks(cast: Cast) -> None:
    assert may_try(_held(cast))
    _try(cast)
    held = _held(cast)
    assert (held.plan_id, held.standing, held.connections, held.sso) == ("professional-1", "trialing", 50_000, True)
    assert held.trialed_at is not None
    assert held.until == held.trialed_at + TRIAL
    entitlements_settle_due()
    assert _held(cast).standing == "trialing"


def test_a_trial_ends_by_itself_and_comes_once(cast: Cast) -> None:
    _try(cast)
    _let_the_time_come(cast, trial_until=timezone.now() - PASSED)
    assert entitlements_settle_due() >= 1
    held = _held(cast)
    assert (held.plan_id, held.standing, held.until, held.connections) == ("developer-1", "free", None, 1_000)
    assert not EntitlementDue.objects.filter(tenant_id=cast.tenant.id).exists()
    with pytest.raises(Refused) as caught:
        _try(cast)
    assert caught.value.refusal is refusals.CONFLICT


def test_what_is_bought_during_a_trial_stays_when_that_would_end(cast: Cast) -> None:
    _try(cast)
    _bought(cast)
    assert (_held(cast).plan_id, _held(cast).standing) == ("enterprise-1", "active")
    _let_the_time_come(cast, trial_until=timezone.now() - PASSED)
    entitlements_settle_due()
    assert (_held(cast).plan_id, _held(cast).standing) == ("enterprise-1", "active")


def test_whoever_pays_begins_no_trial_nor_does_a_viewer(cast: Cast) -> None:
    actor = cast.acting(cast.bob)
    with pytest.raises(Refused) as caught, tenant_context(cast.tenant.id):
        trial_start(actor=actor)
    assert caught.value.refusal is refusals.PERMISSION_DENIED
    _bought(cast)
    with pytest.raises(Refused) as caught:
        _try(cast)
    assert caught.value.refusal is refusals.CONFLICT


def test_a_contract_ends_on_its_day_and_what_was_bought_meanwhile_counts(cast: Cast) -> None:
    end = timezone.now() + timedelta(days=30)
    agreed = Agreed(plan=plan_on_sale("unlimited"), limits={Limit.CONNECTIONS: 9_000}, ends_at=end)
    contract_agree(slug=cast.tenant.slug, agreed=agreed)
    _bought(cast, "professional")
    held = _held(cast)
    assert (held.plan_id, held.standing, held.connections) == ("unlimited-1", "contract", 9_000)
    now = timezone.now()
    with tenant_context(cast.tenant.id):
        Contract.objects.update(starts_at=now - 2 * PASSED, ends_at=now - PASSED)
    _let_the_time_come(cast)
    entitlements_settle_due()
    held = _held(cast)
    assert (held.plan_id, held.standing, held.connections) == ("professional-1", "active", 50_000)


def test_limits_agreed_count_for_whoever_lapsed_too(cast: Cast) -> None:
    contract_agree(slug=cast.tenant.slug, agreed=Agreed(limits={Limit.CONNECTIONS: 9_000}))
    _bought(cast, "professional", Standing.LAPSED)
    held = _held(cast)
    assert (held.standing, held.connections, held.endpoints) == ("lapsed", 9_000, 10)


def test_a_tenant_that_is_gone_is_due_no_more(cast: Cast) -> None:
    _try(cast)
    with tenant_context(cast.tenant.id):
        cast.tenant.delete()
        assert not Entitlement.objects.exists()
    EntitlementDue.objects.filter(tenant_id=cast.tenant.id).update(due_at=timezone.now() - PASSED)
    entitlements_settle_due()
    assert not EntitlementDue.objects.filter(tenant_id=cast.tenant.id).exists()
