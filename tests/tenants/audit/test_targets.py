"""Webhooks get every event of their tenant's log, in order, at least once, signed, and of nobody else's."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from core.webhooks import webhook_post
from tenants.audit import streaming
from tenants.audit.chain import verify
from tenants.audit.hearing import AuditEar
from tenants.audit.recording import audit_note
from tenants.audit.targets import (
    MAXIMUM_TARGETS,
    target_create,
    target_delete,
    target_forget_former,
    target_rotate,
)
from tenants.models import AuditDue, AuditEvent, AuditTarget, Secret, Tenant
from tenants.tasks import stream_audit
from tests.conftest import Cast
from tests.webhook_receiver import NotGenuine, Receiver, Webhook, receiver

__all__ = ["receiver"]
LONG_AGO = timezone.now() - timedelta(days=10_000)
SECONDS = 30  # for a busy machine
HOOK = "https://siem.example.com/audit"


def _made(cast: Cast, receiver: Receiver, after: int | None = None) -> tuple[AuditTarget, str]:
    """A webhook to the receiver, which speaks no TLS, and its secret."""
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        target, _secret = target_create(actor=actor, name="SIEM", url=HOOK, after=after)
        AuditTarget.objects.filter(pk=target.pk).update(url=f"http://{receiver.address}/audit")
        return target, target_rotate(actor=actor, target_id=target.pk)


def _stream(cast: Cast) -> AuditTarget | None:
    """Has what this tenant's webhooks have not taken sent now; the webhook after it."""
    AuditDue.objects.filter(tenant_id=cast.tenant.id).update(due_at=LONG_AGO)
    stream_audit()
    with tenant_context(cast.tenant.id):
        return AuditTarget.objects.first()


def _taken(receiver: Receiver) -> list[dict[str, Any]]:
    return [event for body, _headers in receiver.came for event in json.loads(body)["data"]["events"]]


def _note(cast: Cast, count: int) -> None:
    with tenant_context(cast.tenant.id):
        for number in range(count):
            audit_note(action="test.noted", kind="test", name=f"{number}")


def _latest(cast: Cast) -> int:
    with tenant_context(cast.tenant.id):
        return AuditEvent.objects.order_by("-sequence")[0].sequence


def test_it_gets_everything_once_in_order_signed_and_verifiable(cast: Cast, receiver: Receiver) -> None:
    _note(cast, 230)
    _target, secret = _made(cast, receiver, after=0)
    after = _stream(cast)
    assert after is not None
    assert (after.cursor, after.error, after.failures) == (_latest(cast), "", 0)
    sizes = [len(Webhook(secret).verify(body, headers)["data"]["events"]) for body, headers in receiver.came]
    assert sizes[:2] == [100, 100]
    assert max(sizes) == 100
    found = verify(json.dumps(event) for event in _taken(receiver))
    assert (found.events, found.sequence) == (found.sequence, _latest(cast))
    assert json.loads(receiver.came[0][0])["type"] == "audit.events"
    assert json.loads(receiver.came[0][0])["data"]["tenant"] == cast.tenant.slug
    _stream(cast)
    assert len(receiver.came) == len(sizes)


@pytest.fixture
def heard() -> Iterator[Queue[None]]:
    """What an ear says each time that it made webhooks due."""
    said: Queue[None] = Queue()
    ear = AuditEar(os.environ["DATABASE_URL"], lambda: said.put(None))
    ear.start()
    assert ear.is_listening.wait(SECONDS)
    yield said
    ear.stop()


def test_a_new_event_reaches_it_without_waiting_to_be_looked_for(
    cast: Cast, receiver: Receiver, heard: Queue[None]
) -> None:
    _target, secret = _made(cast, receiver)
    _stream(cast)
    assert AuditDue.objects.get(tenant_id=cast.tenant.id).due_at > timezone.now()
    before = len(receiver.came)
    _drain(heard)
    _note(cast, 3)
    while len(receiver.came) == before:
        heard.get(timeout=SECONDS)
        stream_audit()
    events = [
        event for body, headers in receiver.came for event in Webhook(secret).verify(body, headers)["data"]["events"]
    ]
    sequences = [event["sequence"] for event in events]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert "test.noted" in [event["action"] for event in events]


def test_what_comes_while_it_is_being_told_does_not_wait_either(
    cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(cast, receiver)
    noted: list[int] = []

    def meanwhile(*said: Any, **more: Any) -> str:
        if not noted:
            _note(cast, 1)
            noted.append(1)
        return webhook_post(*said, **more)

    monkeypatch.setattr(streaming, "webhook_post", meanwhile)
    _stream(cast)
    assert _taken(receiver)[-1]["action"] == "test.noted"
    assert AuditDue.objects.get(tenant_id=cast.tenant.id).is_idle


def test_one_that_failed_is_left_alone_whatever_is_heard(cast: Cast, receiver: Receiver, heard: Queue[None]) -> None:
    _made(cast, receiver)
    receiver.status = 500
    _stream(cast)
    later = AuditDue.objects.get(tenant_id=cast.tenant.id).due_at
    _note(cast, 1)
    with tenant_context(cast.elsewhere.id):
        actor = cast.acting_inside(cast.charlie, cast.elsewhere)
        target_create(actor=actor, name="Other", url=HOOK)
    AuditDue.objects.filter(tenant_id=cast.elsewhere.id).update(is_idle=True)
    _drain(heard)
    with tenant_context(cast.elsewhere.id):
        audit_note(action="test.noted", kind="test")
    heard.get(timeout=SECONDS)
    assert AuditDue.objects.get(tenant_id=cast.tenant.id).due_at == later


def _drain(heard: Queue[None]) -> None:
    while not heard.empty():
        heard.get()


def test_it_begins_now_unless_it_is_told_otherwise(cast: Cast, receiver: Receiver) -> None:
    before = _latest(cast)
    _made(cast, receiver)
    _stream(cast)
    assert _taken(receiver)[0]["sequence"] == before + 1
    assert "audit_target.created" in [event["action"] for event in _taken(receiver)]


def test_what_was_not_taken_comes_again_after_growing_pauses(cast: Cast, receiver: Receiver) -> None:
    target, _secret = _made(cast, receiver)
    receiver.status = 500
    pauses = []
    for attempt in range(1, 4):
        failed = _stream(cast)
        assert failed is not None
        assert (failed.failures, failed.error, failed.cursor) == (attempt, "It answered 500.", target.cursor)
        pauses.append(AuditDue.objects.get(pk=target.pk).due_at - timezone.now())
    assert pauses[0] < pauses[1] < pauses[2]
    with tenant_context(cast.tenant.id):
        AuditTarget.objects.update(failures=10_000)
    assert _stream(cast) is not None
    assert AuditDue.objects.get(pk=target.pk).due_at - timezone.now() < timedelta(hours=2)
    receiver.status = 204
    well = _stream(cast)
    assert well is not None
    assert (well.failures, well.error, well.cursor) == (0, "", _latest(cast))
    identifiers = [headers["webhook-id"] for _body, headers in receiver.came]
    assert len(set(identifiers)) == 1
    assert len({body for body, _headers in receiver.came}) == 1


def test_telling_is_no_event_itself(cast: Cast, receiver: Receiver) -> None:
    _made(cast, receiver)
    before = _latest(cast)
    _stream(cast)
    receiver.status = 500
    _note(cast, 1)
    _stream(cast)
    assert _latest(cast) == before + 1


def test_two_secrets_sign_while_one_is_exchanged(cast: Cast, receiver: Receiver) -> None:
    target, former = _made(cast, receiver)
    with tenant_context(cast.tenant.id):
        present = target_rotate(actor=cast.acting_inside(cast.alice, cast.tenant), target_id=target.pk)
    _stream(cast)
    body, headers = receiver.came[-1]
    assert Webhook(former).verify(body, headers) == Webhook(present).verify(body, headers)
    with tenant_context(cast.tenant.id):
        target_forget_former(actor=cast.acting_inside(cast.alice, cast.tenant), target_id=target.pk)
    _stream(cast)
    body, headers = receiver.came[-1]
    with pytest.raises(NotGenuine):
        Webhook(former).verify(body, headers)


def test_it_reaches_no_private_address(cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    _made(cast, receiver)
    monkeypatch.delenv("OUTBOUND_ALLOW")
    failed = _stream(cast)
    assert receiver.came == []
    assert failed is not None
    assert failed.error


def test_whoever_was_removed_gets_nothing_more(cast: Cast, receiver: Receiver) -> None:
    target, _secret = _made(cast, receiver)
    with tenant_context(cast.tenant.id):
        target_delete(actor=cast.acting_inside(cast.alice, cast.tenant), target_id=target.pk)
        assert not Secret.objects.filter(holder=target.pk).exists()
    assert _stream(cast) is None
    assert receiver.came == []
    assert not AuditDue.objects.filter(tenant_id=cast.tenant.id).exists()


def test_a_tenant_that_is_gone_leaves_nothing_to_send(cast: Cast, receiver: Receiver) -> None:
    _made(cast, receiver)
    with tenant_context(cast.tenant.id):
        Tenant.objects.get().delete()
    assert _stream(cast) is None
    assert receiver.came == []
    assert not AuditDue.objects.filter(tenant_id=cast.tenant.id).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://siem.example.com"},
        {"url": "https://127.0.0.1/a"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://[::1/a"},
        {"url": ""},
        {"url": "https://siem.example.com/" + "x" * 2000},
        {"name": " "},
        {"name": "x" * 81},
        {"after": -1},
        {"after": 2**70},
    ],
)
def test_what_is_no_webhook_is_refused(cast: Cast, wrong: dict[str, Any]) -> None:
    actor = cast.acting(cast.alice)
    with pytest.raises(Refused) as refused, tenant_context(cast.tenant.id):
        target_create(actor=actor, **{"name": "SIEM", "url": HOOK, **wrong})
    assert refused.value.refusal is refusals.INVALID_INPUT


def test_a_tenant_has_only_so_many_and_developers_make_none(cast: Cast) -> None:
    alice, bob = cast.acting(cast.alice), cast.acting(cast.bob)
    with pytest.raises(Refused) as refused, tenant_context(cast.tenant.id):
        target_create(actor=bob, name="Mine", url=HOOK)
    assert refused.value.refusal is refusals.PERMISSION_DENIED
    for number in range(MAXIMUM_TARGETS):
        with tenant_context(cast.tenant.id):
            target_create(actor=alice, name=f"{number}", url=HOOK)
    with pytest.raises(Refused) as refused, tenant_context(cast.tenant.id):
        target_create(actor=alice, name="one more", url=HOOK)
    assert refused.value.refusal is refusals.LIMIT_REACHED
