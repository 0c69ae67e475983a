"""The audit log's page: read, found, paged and downloaded by admins, and by nobody else."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from core.acting import SYSTEM, act_as, act_no_more, acting
from core.tenancy import tenant_context
from tenants.audit.chain import verify
from tenants.audit.reading import PAGE
from tenants.audit.recording import audit_note
from tenants.models import AuditEvent, AuditTarget, Membership, Role
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.visitor import PASSWORD, Visitor, look_at, signed_up


def _note(cast: Cast, *names: str) -> None:
    with tenant_context(cast.tenant.id):
        for name in names:
            audit_note(action="audit.noted", kind="audit", name=name)


def _actions(cast: Cast, **only: Any) -> list[str]:
    with tenant_context(cast.tenant.id):
        return list(AuditEvent.objects.filter(**only).order_by("sequence").values_list("action", flat=True))


def test_it_says_who_did_what_from_where_and_what_changed(cast: Cast, alice: Client, base: str) -> None:
    assert alice.post(f"{base}/settings/rename/", {"name": "<b>X</b>", "slug": cast.tenant.slug}).status_code == 302
    shown = alice.get(f"{base}/settings/audit/")
    look_at(shown)  # type: ignore[arg-type]  # the test client's subclass
    assert "Changed tenant" in shown.text
    assert cast.alice.email in shown.text
    assert "127.0.0.1" in shown.text
    assert "&lt;b&gt;X&lt;/b&gt;" in shown.text
    # What the cast's members are called by, where the log has their ids.
    assert cast.bob.email in alice.get(f"{base}/settings/audit/?kind=member").text


def test_it_shows_the_end_of_the_chain_and_how_to_verify_it(cast: Cast, alice: Client, base: str) -> None:
    streamed = alice.get(f"{base}/settings/audit/download/jsonl/")
    assert streamed.streaming
    lines = b"".join(streamed).decode().splitlines()
    found = verify(lines)
    assert json.loads(lines[-1])["action"] == "audit.exported"
    assert json.loads(lines[-1])["actor_name"] == cast.alice.email
    shown = alice.get(f"{base}/settings/audit/").text
    assert found.digest in shown
    assert f"number {found.sequence}" in shown
    assert f"armstrong audit verify {cast.tenant.slug}-audit-" in shown
    assert f'filename="{cast.tenant.slug}-audit-' in streamed["Content-Disposition"]
    assert "no-store" in streamed["Cache-Control"]


def test_under_asgi_it_is_sent_while_it_is_read(cast: Cast, base: str) -> None:
    _note(cast, *(f"note {number}" for number in range(3)))
    client = AsyncClient()
    client.force_login(cast.alice)

    async def download() -> bytes:
        answer: Any = await client.get(f"{base}/settings/audit/download/csv/")
        assert answer.is_async
        return b"".join([chunk async for chunk in answer.streaming_content])

    lines = async_to_sync(download)().decode().splitlines()
    assert lines[0].startswith("sequence,at,")
    assert sum("audit.noted" in line for line in lines) == 3


def test_a_spreadsheet_finds_no_formula(cast: Cast, alice: Client, base: str) -> None:
    _note(cast, '=cmd|"/c calc"!A1', "@SUM(1)", "+1", "-1", "\tx", "plain")
    text = b"".join(alice.get(f"{base}/settings/audit/download/csv/")).decode()
    for odd in ("'=cmd", "'@SUM(1)", "'+1", "'-1", "'\tx"):
        assert odd in text


def test_it_is_searched_filtered_and_paged(cast: Cast, alice: Client, base: str) -> None:
    _note(cast, *(f"note-{number:03}" for number in range(PAGE + 5)))
    here = f"{base}/settings/audit/"
    first = alice.get(f"{here}?{urlencode({'q': 'NOTE-0', 'kind': 'audit'})}")
    names = [event.name for event in first.context["events"]]
    assert names == [f"note-{number:03}" for number in range(PAGE + 4, 4, -1)]
    second = alice.get(f"{here}?{urlencode({'q': 'note-0', 'kind': 'audit', 'before': first.context['older']})}")
    assert [event.name for event in second.context["events"]] == [f"note-{number:03}" for number in range(4, -1, -1)]
    assert second.context["older"] is None
    assert "q=note-0" in second.text  # what is searched for stays on the way back
    assert not alice.get(f"{here}?kind=endpoint").context["events"]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\0"},
        {"q": "x" * 100_000},
        {"q": "%_\\' OR 1=1 --"},
        {"kind": "\0"},
        {"kind": "nothing"},
        {"before": "\0"},
        {"before": "-1"},
        {"before": "0"},
        {"before": "9" * 18},
        {"before": "9" * 5000},
        {"before": "²"},
        {"before": "1e3"},
    ],
)
def test_odd_filters_are_no_errors(alice: Client, base: str, query: dict[str, str]) -> None:
    shown = alice.get(f"{base}/settings/audit/?{urlencode(query)}")
    assert shown.status_code == 200
    look_at(shown)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["xml", "JSONL", "jsonl.csv", "x" * 2000])
def test_there_are_two_forms(alice: Client, base: str, form: str) -> None:
    assert alice.get(f"{base}/settings/audit/download/{form}/").status_code == 404


def test_only_admins_see_it_and_the_others_are_in_it(cast: Cast, alice: Client, bob: Client, viewer: Client) -> None:
    base = f"/t/{cast.tenant.slug}"
    for path in ("settings/audit/", "settings/audit/download/jsonl/"):
        assert {client.get(f"{base}/{path}").status_code for client in (bob, viewer)} == {403}
        assert signed_in(cast.charlie).get(f"{base}/{path}").status_code == 404
        assert Client().get(f"{base}/{path}").status_code == 302
    assert "settings/audit/" not in viewer.get(f"{base}/").text
    assert signed_in(cast.join("ada", Role.ADMIN)).get(f"{base}/settings/audit/").status_code == 200
    shown = alice.get(f"{base}/settings/audit/?kind=access")
    assert {event.what for event in shown.context["events"]} == {"was refused"}
    assert cast.bob.email in {event.who for event in shown.context["events"]}
    assert f"GET {base}/settings/audit/" in {event.name for event in shown.context["events"]}
    with tenant_context(cast.elsewhere.id):
        assert not AuditEvent.objects.filter(action="access.refused").exists()


def test_whoever_is_refused_often_floods_nothing(cast: Cast, bob: Client, base: str) -> None:
    for _ in range(12):
        assert bob.get(f"{base}/settings/audit/").status_code == 403
    assert len(_actions(cast, action="access.refused", actor_id=str(cast.bob.pk))) == 5
    others = [signed_in(cast.join(f"v{number}", Role.VIEWER)) for number in range(5)]
    for other in others:
        for _ in range(5):
            other.post(f"{base}/settings/rename/", {"name": "x"})
    assert len(_actions(cast, action="access.refused")) == 20


def test_signing_in_and_out_and_second_steps_are_in_the_logs_of_ones_tenants(cast: Cast) -> None:
    visitor, email = signed_up("grace")
    user = visitor.whoami()
    assert user is not None
    with tenant_context(cast.tenant.id):
        Membership.objects.create(tenant=cast.tenant, user=user, role=Role.VIEWER)
    visitor.post("/account/logout/", {})
    back = Visitor()
    back.sign_in(email)
    assert back.whoami() == user
    address = str(back.client.defaults["REMOTE_ADDR"])
    with tenant_context(cast.tenant.id):
        events = list(AuditEvent.objects.filter(target_kind="session").order_by("sequence"))
    assert [event.action for event in events] == ["session.ended", "session.began"]
    assert {(event.actor_kind, event.actor_name, event.target_id) for event in events} == {
        ("member", email, str(user.pk))
    }
    assert events[-1].address == address
    assert _actions(cast, target_kind="session", target_id=str(cast.alice.pk)) == []
    with tenant_context(cast.elsewhere.id):
        assert not AuditEvent.objects.filter(target_kind="session").exists()


def test_a_new_password_is_in_the_log_and_the_password_is_not(cast: Cast) -> None:
    visitor, email = signed_up("heidi")
    user = visitor.whoami()
    assert user is not None
    with tenant_context(cast.tenant.id):
        Membership.objects.create(tenant=cast.tenant, user=user, role=Role.VIEWER)
    new = "another correct horse"
    visitor.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    with tenant_context(cast.tenant.id):
        events = list(AuditEvent.objects.filter(target_kind="password").order_by("sequence"))
    assert [event.action for event in events] == ["password.changed"]
    assert (events[0].target_name, events[0].changes) == (email, [])


def test_nobody_acts_after_a_request(alice: Client, base: str) -> None:
    act_as("member", "x", "x")
    alice.get(f"{base}/")
    assert acting() == SYSTEM
    act_no_more()


HOOK = {"name": "SIEM", "url": "https://siem.example.com/audit", "after": "0"}


def _target(cast: Cast) -> AuditTarget:
    with tenant_context(cast.tenant.id):
        return AuditTarget.objects.get()


def test_a_webhook_is_added_with_a_secret_that_is_shown_once(cast: Cast, alice: Client, base: str) -> None:
    here = f"{base}/settings/audit/"
    made = alice.post(f"{here}webhooks/new/", HOOK)
    look_at(made)  # type: ignore[arg-type]
    secret = made.context["secret"]
    assert made.text.count(secret) >= 1
    assert "no-store" in made["Cache-Control"]
    with tenant_context(cast.tenant.id):
        AuditTarget.objects.update(error="It answered <500>.", failures=3)
    shown = alice.get(here).text
    assert "It answered &lt;500&gt;." in shown
    assert "3 failed attempts" in shown
    assert secret not in shown
    rotated = alice.post(f"{here}webhooks/{_target(cast).pk}/secret/").context["secret"]
    assert rotated not in (secret, "")
    assert "Remove webhook SIEM" in alice.get(f"{here}webhooks/{_target(cast).pk}/remove/").text
    assert "SIEM gets nothing more" in alice.post(f"{here}webhooks/{_target(cast).pk}/remove/", follow=True).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://siem.example.com"},
        {"url": "https://[::1]/"},
        {"url": "https://siem.example.com/\0"},
        {"name": ""},
        {"name": "\0"},
        {"after": "-1"},
        {"after": "9" * 30},
        {"after": "1000000"},
    ],
)
def test_what_is_no_webhook_is_said_at_its_field(alice: Client, base: str, wrong: dict[str, str]) -> None:
    answer = alice.post(f"{base}/settings/audit/webhooks/new/", HOOK | wrong)
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == wrong.keys()


def test_who_may_not_manage_the_tenant_makes_no_webhook(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    here = f"{base}/settings/audit/webhooks/"
    assert bob.post(f"{here}new/", HOOK).status_code == 403
    alice.post(f"{here}new/", HOOK)
    for act in ("secret", "remove"):
        assert bob.post(f"{here}{_target(cast).pk}/{act}/").status_code == 403
        assert signed_in(cast.charlie).post(f"{here}{_target(cast).pk}/{act}/").status_code == 404
