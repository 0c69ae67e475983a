"""Receipts of revocations are kept as long as the tenant's tier says, and never forgotten while they are pending."""

from datetime import timedelta

from django.utils import timezone

from billing.tasks import receipts_expire
from core.tenancy import tenant_context
from tenants.models import Revocation, RevocationOutcome
from tenants.vault.revocations import connection_disconnect
from tests.conftest import Cast
from tests.entitled import entitle_outside
from tests.stored_connection import stored_connection

DEVELOPERS = timedelta(days=7)
HOUR = timedelta(hours=1)


def _receipt(cast: Cast, label: str, age: timedelta, outcome: str = RevocationOutcome.REVOKED) -> None:
    with tenant_context(cast.tenant.id):
        connection = stored_connection(cast.tenant, f"https://127.0.0.1:9/{label}", label)
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        (receipt,) = connection_disconnect(actor=actor, connection_id=connection.pk)
        past = timezone.now() - age
        is_over = outcome != RevocationOutcome.PENDING
        over = {"outcome": outcome, "ended_at": past, "sealed": ""} if is_over else {}
        Revocation.objects.filter(pk=receipt.pk).update(requested_at=past, **over)


def _left(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        return sorted(Revocation.objects.values_list("label", flat=True))


def test_what_is_over_for_longer_than_the_tier_keeps_goes(cast: Cast) -> None:
    _receipt(cast, "young", DEVELOPERS - HOUR)
    _receipt(cast, "old", DEVELOPERS + HOUR)
    _receipt(cast, "given up", DEVELOPERS + HOUR, RevocationOutcome.GAVE_UP)
    _receipt(cast, "pending", DEVELOPERS + HOUR, RevocationOutcome.PENDING)
    assert receipts_expire() >= 2
    assert _left(cast) == ["pending", "young"]


def test_a_tier_that_keeps_longer_keeps_it(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "enterprise")
    _receipt(cast, "old", DEVELOPERS + HOUR)
    receipts_expire()
    assert _left(cast) == ["old"]
