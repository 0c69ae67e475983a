"""The audit log is kept as long as the tenant's tier says, for 30 days at least, and its chain goes on."""

import os
from datetime import timedelta

import psycopg
from django.db import connection
from django.utils import timezone

from billing.tasks import audit_expire
from core.tenancy import tenant_context
from tenants.audit.chain import verify
from tenants.audit.reading import audit_export
from tenants.audit.recording import audit_note
from tenants.models import AuditEvent
from tests.conftest import Cast
from tests.entitled import entitle_outside


def _all_that_is_there_is_now(cast: Cast, days: int) -> None:
    """Ages the log, as no role of the application's can."""
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], dbname=connection.settings_dict["NAME"]) as superuser:
        superuser.execute(
            "UPDATE tenants_auditevent SET at = %s WHERE tenant_id = %s",
            [timezone.now() - timedelta(days=days), cast.tenant.id],
        )


def _note(cast: Cast, name: str) -> None:
    with tenant_context(cast.tenant.id):
        audit_note(action="test.noted", kind="test", name=name)


def _left(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        rows = AuditEvent.objects.filter(target_kind="test").order_by("sequence")
        return list(rows.values_list("target_name", flat=True))


def test_what_is_older_goes_and_the_chain_goes_on(cast: Cast) -> None:
    _note(cast, "old")
    _all_that_is_there_is_now(cast, 31)
    _note(cast, "young")
    assert audit_expire() >= 1
    assert _left(cast) == ["young"]
    lines = list(audit_export(actor=cast.acting(cast.alice), form="jsonl"))
    found = verify(lines)
    assert found.sequence > found.events == 2


def test_a_month_is_kept_and_the_latest_event_for_ever(cast: Cast) -> None:
    _note(cast, "earlier")
    _note(cast, "latest")
    _all_that_is_there_is_now(cast, 29)
    audit_expire()
    assert _left(cast) == ["earlier", "latest"]
    _all_that_is_there_is_now(cast, 400)
    audit_expire()
    assert _left(cast) == ["latest"]


def test_a_tier_that_keeps_longer_keeps_it(cast: Cast) -> None:
    _note(cast, "old")
    entitle_outside(cast.tenant.id, "enterprise")
    _all_that_is_there_is_now(cast, 300)
    audit_expire()
    assert _left(cast) == ["old"]
