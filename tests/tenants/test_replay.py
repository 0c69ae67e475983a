"""What is good once: replayed, raced, after its time, and in another tenant."""

from datetime import timedelta

from django.utils import timezone

from core.tenancy import tenant_context
from tenants.models import SeenAssertion, Tenant
from tenants.replay import first_time
from tests.conftest import Cast
from tests.races import at_once


def _first(tenant: Tenant, token: str, kind: str = "assertion", seconds: float = 60) -> bool:
    with tenant_context(tenant.id):
        until = timezone.now() + timedelta(seconds=seconds)
        return first_time(tenant_id=tenant.id, kind=kind, token=token, expires_at=until)


def test_a_token_is_good_once(cast: Cast) -> None:
    assert [_first(cast.tenant, "one") for _ in range(3)] == [True, False, False]


def test_kinds_and_tenants_do_not_mix(cast: Cast) -> None:
    assert _first(cast.tenant, "one")
    assert _first(cast.tenant, "one", kind="logout")
    assert _first(cast.elsewhere, "one")


def test_of_those_that_race_one_is_first(cast: Cast) -> None:
    found = at_once(*[lambda: _first(cast.tenant, "raced")] * 8)
    assert found.count(True) == 1
    assert found.count(False) == 7


def test_what_has_expired_is_cleared_away(cast: Cast) -> None:
    _first(cast.tenant, "old", seconds=-1)
    _first(cast.tenant, "new")
    with tenant_context(cast.tenant.id):
        assert SeenAssertion.objects.count() == 1
