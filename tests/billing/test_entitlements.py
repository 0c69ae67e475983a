"""What tenants are entitled to: one row each, of their plan's version, changed by grants in order."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.entitlements import Limit, Right, entitlement_grant, entitlement_of, limit, may, require
from billing.plans.models import TERMS, Entitlement, PlanVersion, Standing
from billing.plans.selling import plan_on_sale, plans_on_sale
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import AuditEvent
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, unique


def _granted(cast: Cast, plan: str, standing: Standing = Standing.ACTIVE) -> None:
    with tenant_context(cast.tenant.id):
        entitlement_grant(tenant_id=cast.tenant.id, plan=plan_on_sale(plan), standing=standing)


def _held(cast: Cast) -> Entitlement:
    with tenant_context(cast.tenant.id):
        return entitlement_of(cast.tenant.id)


def _version(name: str, **changed: object) -> PlanVersion:
    """A plan of this name that was not sold yet, like Professional but for what changed."""
    values = {field: getattr(plan_on_sale("professional"), field) for field in TERMS}
    said = {"title": "Special", "support": "E-mail", "version": 1, "monthly_price_cents": 1} | values | changed
    return PlanVersion.objects.create(id=f"{name}-{said['version']}", name=name, **said)


def test_the_four_tiers_are_on_sale_the_cheapest_first() -> None:
    sold = [(plan.name, plan.monthly_price_cents, plan.connections) for plan in plans_on_sale()]
    assert sold == [
        ("developer", 0, 1_000),
        ("professional", 499_00, 50_000),
        ("enterprise", 2_999_00, 500_000),
        ("unlimited", None, None),
    ]


def test_a_new_tenant_has_developer(cast: Cast) -> None:
    tenant = tenant_create(owner=cast.alice, name="New", slug=unique("new"))
    with tenant_context(tenant.id):
        held = Entitlement.objects.get()
    assert (held.plan_id, held.standing, held.connections) == ("developer-1", "free", 1_000)
    assert all(getattr(held, name) == getattr(plan_on_sale("developer"), name) for name in TERMS)


def test_a_grant_gives_all_that_the_plan_has_and_is_in_the_audit_log(cast: Cast) -> None:
    _granted(cast, "professional")
    held = _held(cast)
    assert all(getattr(held, name) == getattr(plan_on_sale("professional"), name) for name in TERMS)
    with tenant_context(cast.tenant.id):
        told = AuditEvent.objects.filter(action="entitlement.changed").order_by("sequence").last()
    assert told is not None
    assert ["plan_id", "developer-1", "professional-1"] in told.changes


@pytest.mark.parametrize("standing", [Standing.TRIALING, Standing.PAST_DUE, Standing.GRACE])
def test_what_is_not_paid_yet_keeps_what_the_plan_gives(cast: Cast, standing: Standing) -> None:
    _granted(cast, "professional", standing)
    assert _held(cast).connections == 50_000


def test_what_lapsed_has_the_limits_of_developer_and_its_plans_name(cast: Cast) -> None:
    _granted(cast, "professional", Standing.LAPSED)
    held = _held(cast)
    assert (held.plan_id, held.connections, held.sso) == ("professional-1", 1_000, False)


def test_it_is_said_whether_a_tenant_may_and_what_plan_would_let_it(cast: Cast) -> None:
    _granted(cast, "developer", Standing.FREE)
    with tenant_context(cast.tenant.id):
        sso, scim = may(cast.tenant.id, Right.SSO), may(cast.tenant.id, Right.SCIM)
        assert limit(cast.tenant.id, Limit.CONNECTIONS) == 1_000
        with pytest.raises(Refused) as caught:
            require(cast.tenant.id, Right.SCIM)
    assert (bool(sso), sso.plan, sso.lifted_by) == (False, "developer", "professional")
    assert (bool(scim), scim.lifted_by) == (False, "enterprise")
    assert "provisioning by SCIM" in scim.reason
    assert caught.value.refusal is refusals.NOT_IN_PLAN
    assert caught.value.data == {"right": "scim", "plan": "developer", "lifted_by": "enterprise"}
    _granted(cast, "unlimited")
    with tenant_context(cast.tenant.id):
        assert may(cast.tenant.id, Right.SCIM)
        assert limit(cast.tenant.id, Limit.CONNECTIONS) is None


def test_a_neighbours_entitlement_is_not_there(cast: Cast) -> None:
    with pytest.raises(Refused) as caught, tenant_context(cast.elsewhere.id):
        entitlement_of(cast.tenant.id)
    assert caught.value.refusal is refusals.NOT_FOUND


@pytest.mark.parametrize("name", ["", "Developer", "platinum", "developer-1", "x" * 1000, "\ud800"])
def test_an_unknown_plan_is_not_on_sale(name: str) -> None:
    with pytest.raises(Refused) as caught:
        plan_on_sale(name)
    assert caught.value.refusal is refusals.NOT_FOUND


@pytest.mark.parametrize(
    "change", [{"monthly_price_cents": 1}, {"connections": 2_000}, {"sso": True}, {"title": "X"}, {"sold_from": None}]
)
def test_a_version_that_was_sold_is_not_changed(change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="has been sold"), transaction.atomic():
        PlanVersion.objects.filter(pk="developer-1").update(**change)
    with pytest.raises(IntegrityError, match="has been sold"), transaction.atomic():
        PlanVersion.objects.filter(pk="unlimited-1").delete()


def test_who_has_a_version_keeps_it_when_another_is_sold(cast: Cast) -> None:
    name, now = unique("special"), timezone.now()
    first = _version(name, sold_from=now - timedelta(hours=1))
    with tenant_context(cast.tenant.id):
        entitlement_grant(tenant_id=cast.tenant.id, plan=first, standing=Standing.ACTIVE)
    PlanVersion.objects.filter(pk=first.pk).update(sold_until=now)
    second = _version(name, version=2, sold_from=now - timedelta(minutes=1), connections=7)
    assert plan_on_sale(name) == second
    assert (_held(cast).plan_id, _held(cast).connections) == (first.pk, 50_000)
    PlanVersion.objects.filter(pk=second.pk).update(sold_until=now)
    with pytest.raises(Refused):
        plan_on_sale(name)


def test_a_version_that_was_not_sold_yet_may_be_changed() -> None:
    draft = _version(unique("draft"))
    PlanVersion.objects.filter(pk=draft.pk).update(connections=5)
    assert draft.delete()[0] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"monthly_price_cents": 100_000_000_01},
        {"yearly_price_cents": -1},
        {"overage_millicents": "NaN"},
        {"overage_millicents": -1},
        {"currency": "jpy"},
        {"connections": 0},
        {"audit_days": 29},
        {"id": "another-1"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_price_or_limit_that_is_none_is_refused(wrong: dict[str, int | str]) -> None:
    draft = _version(unique("draft"))
    ((column, value),) = wrong.items()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(f"UPDATE billing_planversion SET {column} = %s WHERE id = %s", [value, draft.pk])  # noqa: S608
