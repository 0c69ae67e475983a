"""The audit log: every change in it, by whom; nobody can write, alter or leave out; and an export that shows it."""

import csv
import json
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection

from core.acting import act_as, act_from, act_no_more
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete
from tenants.audit.chain import Broken, verify
from tenants.audit.reading import audit_events, audit_export
from tenants.audit.recording import audit_note
from tenants.models import AuditEvent, Membership, Role, Tenant
from tenants.services.api_keys import api_key_issue, api_key_revoke
from tenants.services.members import member_invite
from tests.conftest import Cast, unique
from tests.races import at_once


def _events(tenant: Tenant, **only: Any) -> list[AuditEvent]:
    with tenant_context(tenant.id):
        return list(AuditEvent.objects.filter(**only).order_by("sequence"))


def _exported(cast: Cast, form: str = "jsonl") -> list[str]:
    return list(audit_export(actor=cast.acting(cast.alice), form=form))


def test_a_change_is_written_with_who_made_it_and_from_where(cast: Cast) -> None:
    act_from("192.0.2.7", "request-1")
    act_as("member", cast.alice.pk, cast.alice.email)
    try:
        with tenant_context(cast.tenant.id):
            member_invite(actor=cast.acting_inside(cast.alice, cast.tenant), email="New@example.com", role="viewer")
    finally:
        act_no_more()
    [event] = _events(cast.tenant, action="invitation.created")
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("member", str(cast.alice.pk), cast.alice.email)
    assert (event.address, event.request_id, event.target_name) == ("192.0.2.7", "request-1", "new@example.com")
    changes = {column: after for column, _before, after in event.changes}
    assert changes["role"] == "viewer"
    assert changes["token_digest"] is None  # that it was given one, and not which


def test_what_nobody_asked_for_is_the_systems(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    [event] = _events(cast.tenant, action="member.changed")
    assert (event.actor_kind, event.actor_id) == ("system", "")
    assert event.changes == [["role", "developer", "viewer"]]


def test_what_is_rolled_back_is_not_in_it(cast: Cast) -> None:
    before = len(_events(cast.tenant))

    def twice() -> None:
        with tenant_context(cast.tenant.id):
            Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
            Membership.objects.create(tenant=cast.tenant, user=cast.bob, role=Role.VIEWER)

    with pytest.raises(IntegrityError):
        twice()
    assert len(_events(cast.tenant)) == before


def test_columns_that_say_nothing_are_not_told(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        key, _secret = api_key_issue(actor=actor, name="laptop", role="viewer")
    before = len(_events(cast.tenant))
    with tenant_context(cast.tenant.id):
        type(key).objects.filter(pk=key.pk).update(last_used_at="2026-01-01T00:00:00Z")
    assert len(_events(cast.tenant)) == before
    with tenant_context(cast.tenant.id):
        api_key_revoke(actor=cast.acting_inside(cast.alice, cast.tenant), api_key_id=key.pk)
    [event] = _events(cast.tenant, action="api_key.changed")
    assert [column for column, _before, _after in event.changes] == ["revoked_at"]


def test_what_goes_with_its_endpoint_is_not_told_singly(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("e"), name="Demo")
    with tenant_context(cast.tenant.id):
        Tool.objects.create(
            tenant=cast.tenant, endpoint=endpoint, name="echo", input_schema={"type": "object"}, source="builtin"
        )
    with tenant_context(cast.tenant.id):
        endpoint_delete(actor=cast.acting_inside(cast.alice, cast.tenant), endpoint_slug=endpoint.slug)
        assert not Endpoint.objects.exists()
    actions = [event.action for event in _events(cast.tenant)]
    assert "endpoint.deleted" in actions
    assert "tool.created" in actions
    assert "tool.deleted" not in actions


def test_tenants_have_chains_of_their_own(cast: Cast) -> None:
    for tenant in (cast.tenant, cast.elsewhere):
        events = _events(tenant)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert events[0].previous == ""
        assert all(after.previous == before.digest for before, after in pairwise(events))
    with tenant_context(cast.tenant.id):
        assert not AuditEvent.objects.filter(tenant_id=cast.elsewhere.id).exists()


def test_changes_at_one_moment_make_one_chain(cast: Cast) -> None:
    def change(number: int) -> None:
        with tenant_context(cast.tenant.id):
            audit_note(action="test.noted", kind="test", target=number)

    at_once(*[lambda number=number: change(number) for number in range(8)])
    assert verify(_exported(cast)).events == len(_events(cast.tenant))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tenants_auditevent SELECT * FROM tenants_auditevent",
        "UPDATE tenants_auditevent SET action = 'nothing'",
        "DELETE FROM tenants_auditevent",
        "TRUNCATE tenants_auditevent",
        "UPDATE tenants_audithead SET digest = ''",
        "DELETE FROM tenants_audithead",
        "ALTER TABLE tenants_membership DISABLE TRIGGER membership_audited",
        "DROP TRIGGER membership_audited ON tenants_membership",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_can_only_add(cast: Cast, statement: str) -> None:
    with pytest.raises(ProgrammingError), tenant_context(cast.tenant.id), connection.cursor() as cursor:
        cursor.execute(statement)


def test_young_events_are_not_forgotten_and_the_last_one_never(cast: Cast) -> None:
    with tenant_context(cast.tenant.id), connection.cursor() as cursor:
        cursor.execute("SELECT tenants_audit_forget(now() + interval '1 year')")
        assert cursor.fetchone() == (0,)


def test_an_export_holds_by_itself(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        audit_note(
            action="test.noted",
            kind="test",
            name='"ö\n\0',
            changes=[("b", None, "2,"), ("a", "", "1:x"), ("é", "☃", None)],
        )
    lines = _exported(cast)
    found = verify(lines)
    last = _events(cast.tenant)[-1]
    assert (found.sequence, found.digest) == (last.sequence, last.digest)
    assert json.loads(lines[-1])["action"] == "audit.exported"
    assert verify(lines[3:]).digest == found.digest


def test_whatever_is_altered_is_found(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        audit_note(action="test.noted", kind="test", changes=[("role", "viewer", "admin")])
    lines = _exported(cast)
    for number, line in enumerate(lines):
        event = json.loads(line)
        for name in event:
            altered = {**event, name: _other(event[name])}
            with pytest.raises(Broken):
                verify([*lines[:number], json.dumps(altered), *lines[number + 1 :]])
    with pytest.raises(Broken):
        verify([lines[0], *lines[2:]])
    with pytest.raises(Broken):
        verify([lines[1], lines[0], *lines[2:]])


def _other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return [["x", "y", "z"]] if isinstance(value, list) else f"{value}x"


def test_an_event_holds_nothing_that_is_not_signed(cast: Cast) -> None:
    first, second, *_rest = _exported(cast)
    for odd in (
        first.replace("{", '{"more": 1, ', 1),
        first.replace("{", '{"action": "another", ', 1),
        json.dumps({**json.loads(first), "sequence": "1"}),
        json.dumps({**json.loads(first), "sequence": True}),
        json.dumps({name: value for name, value in json.loads(first).items() if name != "digest"}),
    ):
        with pytest.raises(Broken):
            verify([odd, second])


@pytest.mark.parametrize("line", ["nothing", "[]", "{}", '{"previous": ""}', "[" * 100_000, "null"])
def test_what_is_no_export_is_refused(line: str) -> None:
    with pytest.raises(Broken):
        verify([line])


@pytest.mark.parametrize("first", [*"=+-@\t\r\n", chr(0xFF1D), chr(0xFF0B), chr(0xFF0D), chr(0xFF20)], ids=ascii)
def test_a_spreadsheet_finds_no_formula(cast: Cast, first: str) -> None:
    named = f"{first}HYPERLINK(1)"
    with tenant_context(cast.tenant.id):
        audit_note(action="test.noted", kind="test", name=named)
    rows = list(csv.DictReader(StringIO("".join(_exported(cast, "csv")), newline="")))
    [row] = [row for row in rows if row["action"] == "test.noted"]
    assert row["target_name"] == f"'{named}"


def test_only_admins_read_it(cast: Cast) -> None:
    with pytest.raises(Refused):
        audit_export(actor=cast.acting(cast.bob), form="jsonl")
    with tenant_context(cast.tenant.id), pytest.raises(Refused):
        audit_events(actor=cast.acting_inside(cast.bob, cast.tenant))


def test_it_is_searched_and_paged(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        for number in range(3):
            audit_note(action="test.noted", kind="test", name=f"number {number}")
        found = [event.target_name for event in audit_events(actor=actor, text="NUMBER", kind="test")]
        assert found == ["number 2", "number 1", "number 0"]
        [second, *_] = audit_events(actor=actor, kind="test")[1:]
        assert [event.target_name for event in audit_events(actor=actor, before=second.sequence, kind="test")] == [
            "number 0"
        ]
        assert not audit_events(actor=actor, text="\0").filter(action="none").exists()
        audit_note(action="test.noted", kind="test", changes=[("colour", "red", 'a "deep" blÜe')])
        for text in ("colour", "RED", 'a "deep"', "blÜe", "BLÜE", "blüe"):
            assert [event.changes[0][0] for event in audit_events(actor=actor, text=text, kind="test")] == ["colour"]


@pytest.mark.parametrize("text", ["STRASSE", "straße", "Straße Ω", "ωmega", "100%", "a_b", "\\"], ids=ascii)
def test_a_search_knows_no_case_in_any_script_and_no_wildcards(cast: Cast, text: str) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        audit_note(action="test.noted", kind="test", name="Straße Ωmega 100% a_b \\")
        audit_note(action="test.noted", kind="test", name="strase 1000 axb")
        assert [event.target_name[:6] for event in audit_events(actor=actor, text=text, kind="test")] == ["Straße"]


def test_a_tenant_goes_with_its_log(cast: Cast) -> None:
    gone = cast.elsewhere.id
    with tenant_context(gone):
        Tenant.objects.get().delete()
    with tenant_context(gone):
        assert not AuditEvent.objects.exists()
