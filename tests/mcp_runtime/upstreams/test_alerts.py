"""Whoever was named hears of changes: once for many, signed, again where it failed, and of nobody else's."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Alert, AlertChannel, AlertDue, Upstream
from mcp_runtime.services.alerting import MAXIMUM_ATTEMPTS, alerts_deliver
from mcp_runtime.services.alerts import (
    MAXIMUM_CHANNELS,
    channel_create,
    channel_delete,
    channel_forget_former,
    channel_rotate,
    channel_test,
)
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.mcp_runtime.upstreams.conftest import Desk
from tests.webhook_receiver import NotGenuine, Receiver, Webhook, receiver

__all__ = ["receiver"]

REFUSES = UpstreamFailed("It refuses connections.")
REVOKED = UpstreamFailed("The token was revoked.", Health.NEEDS_LOGIN)
LONG_AGO = timezone.now() - timedelta(days=10_000)


def _hook(desk: Desk, receiver: Receiver) -> tuple[AlertChannel, str]:
    """A webhook to the receiver, which speaks no TLS, and its secret."""
    channel, secret = desk.inside(
        lambda actor: channel_create(actor=actor, name="Hook", kind="webhook", url="https://hook.example.com/a")
    )
    desk.inside(lambda actor: _point(actor, channel, receiver))
    return channel, desk.inside(lambda actor: channel_rotate(actor=actor, channel_id=channel.pk)) or secret


def _point(_actor: object, channel: AlertChannel, receiver: Receiver) -> None:
    AlertChannel.objects.filter(pk=channel.pk).update(url=f"http://{receiver.address}/a")


def _change(desk: Desk, *failures: UpstreamFailed | None) -> None:
    for failure in failures:
        desk.paper.failure = failure
        pairs = desk.inside(lambda _actor: [(desk.stage.tenant.id, pk) for pk in _upstreams()])
        probes_perform(pairs)


def _upstreams() -> list[Any]:
    return list(Upstream.objects.values_list("pk", flat=True))


def _deliver(desk: Desk) -> None:
    """Has what waits for this tenant told now."""
    AlertDue.objects.filter(tenant_id=desk.stage.tenant.id).update(due_at=LONG_AGO)
    alerts_deliver()


def _waiting(desk: Desk) -> list[Alert]:
    return desk.inside(lambda _actor: list(Alert.objects.all()))


def test_many_changes_are_one_message_that_the_receiver_can_verify(desk: Desk, receiver: Receiver) -> None:
    _channel, secret = _hook(desk, receiver)
    desk.create()
    desk.create("cats")
    _change(desk, REVOKED, None)
    _deliver(desk)
    ((body, headers),) = receiver.came
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "upstream.health"
    assert {(change["upstream"], change["after"]) for change in told["data"]["changes"]} == {
        (slug, state) for slug in ("pets", "cats") for state in ("needs_login", "ok")
    }
    assert told["data"]["tenant"] == desk.stage.tenant.slug
    with pytest.raises(NotGenuine):
        Webhook(secret).verify(body + b" ", headers)
    assert _waiting(desk) == []


def test_while_a_secret_is_exchanged_both_verify(desk: Desk, receiver: Receiver) -> None:
    channel, former = _hook(desk, receiver)
    new = desk.inside(lambda actor: channel_rotate(actor=actor, channel_id=channel.pk))
    desk.inside(lambda actor: channel_test(actor=actor, channel_id=channel.pk))
    _deliver(desk)
    desk.inside(lambda actor: channel_forget_former(actor=actor, channel_id=channel.pk))
    desk.inside(lambda actor: channel_test(actor=actor, channel_id=channel.pk))
    _deliver(desk)
    (first, headers), (second, later) = receiver.came
    assert json.loads(first)["type"] == "test"
    assert Webhook(new).verify(first, headers) == Webhook(former).verify(first, headers)
    Webhook(new).verify(second, later)
    with pytest.raises(NotGenuine):
        Webhook(former).verify(second, later)


def test_what_failed_is_told_again_later_and_given_up_in_the_end(desk: Desk, receiver: Receiver) -> None:
    channel, _secret = _hook(desk, receiver)
    desk.create()
    receiver.status = 500
    _change(desk, REVOKED)
    for _ in range(MAXIMUM_ATTEMPTS - 1):
        _deliver(desk)
        due = AlertDue.objects.get(tenant_id=desk.stage.tenant.id)
        assert due.due_at > timezone.now()
    identifiers = {headers["webhook-id"] for _body, headers in receiver.came}
    assert (len(receiver.came), len(identifiers)) == (MAXIMUM_ATTEMPTS - 1, 1)
    _deliver(desk)
    assert _waiting(desk) == []
    assert desk.inside(lambda _actor: AlertChannel.objects.get(pk=channel.pk).error) == "It answered 500."


def test_a_channel_hears_at_most_once_a_minute(desk: Desk, receiver: Receiver) -> None:
    _hook(desk, receiver)
    desk.create()
    _change(desk, REVOKED)
    _deliver(desk)
    _change(desk, None)
    due = AlertDue.objects.get(tenant_id=desk.stage.tenant.id)
    assert due.due_at > timezone.now() + timedelta(seconds=40)


def test_mail_goes_to_owners_and_admins_where_nobody_is_named(desk: Desk) -> None:
    desk.inside(lambda actor: channel_create(actor=actor, name="All", kind="mail"))
    desk.inside(lambda actor: channel_create(actor=actor, name="One", kind="mail", addresses=["on-call@example.com "]))
    desk.create()
    _change(desk, REFUSES, REFUSES)
    _deliver(desk)
    sent = [message for message in mail.outbox if message.subject == "Pets: Down"]
    assert {tuple(message.to) for message in sent} == {(desk.stage.owner.email,), ("on-call@example.com",)}
    assert "OK -> Down. It refuses connections." in str(sent[0].body)


def test_what_is_merely_unsteady_wakes_nobody(desk: Desk) -> None:
    desk.inside(lambda actor: channel_create(actor=actor, name="All", kind="mail"))
    desk.create()
    slow = UpstreamFailed("It is slow.", Health.DEGRADED)
    _change(desk, slow, slow)
    assert _waiting(desk) == []


def test_whoever_was_removed_is_told_nothing_more(desk: Desk, receiver: Receiver) -> None:
    channel, _secret = _hook(desk, receiver)
    desk.create()
    _change(desk, REVOKED)
    desk.inside(lambda actor: channel_delete(actor=actor, channel_id=channel.pk))
    _deliver(desk)
    assert receiver.came == []
    assert not AlertDue.objects.filter(tenant_id=desk.stage.tenant.id).exists()


def test_a_webhook_reaches_no_private_address(desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, _secret = _hook(desk, receiver)
    monkeypatch.delenv("OUTBOUND_ALLOW")
    desk.inside(lambda actor: channel_test(actor=actor, channel_id=channel.pk))
    _deliver(desk)
    assert receiver.came == []
    assert desk.inside(lambda _actor: AlertChannel.objects.get(pk=channel.pk).error)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "webhook", "url": "http://hook.example.com"},
        {"kind": "webhook", "url": "https://127.0.0.1/a"},
        {"kind": "webhook", "url": "https://[::1/a"},
        {"kind": "webhook", "url": ""},
        {"kind": "mail", "addresses": ["nobody"]},
        {"kind": "mail", "addresses": ["a@example.com\nBcc: b@example.com"]},
        {"kind": "mail", "addresses": [f"a{number}@example.com" for number in range(21)]},
        {"kind": "pigeon"},
        {"kind": "mail", "name": " "},
    ],
)
def test_what_is_no_channel_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        desk.inside(lambda actor: channel_create(actor=actor, **{"name": "A", **wrong}))
    assert refused.value.refusal is refusals.INVALID_INPUT


def test_a_tenant_has_only_so_many(desk: Desk) -> None:
    names = [f"{number}" for number in range(MAXIMUM_CHANNELS)]
    desk.inside(lambda actor: [channel_create(actor=actor, name=name, kind="mail") for name in names])
    with pytest.raises(Refused) as refused:
        desk.inside(lambda actor: channel_create(actor=actor, name="more", kind="mail"))
    assert refused.value.refusal is refusals.LIMIT_REACHED
