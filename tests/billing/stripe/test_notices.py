"""What happens in billing reaches the tenant's alert webhooks: once each, signed, whoever is killed meanwhile."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from billing.entitlements import entitlement_grant
from billing.ledger.models import UsageHour
from billing.metering import alerts as usage_alerts
from billing.metering.alerts import spending_settle
from billing.metering.caps import cap_set
from billing.metering.models import UsageAlert
from billing.plans.models import Standing
from billing.plans.selling import plan_on_sale
from billing.stripe.models import StripeEvent
from core.tenancy import tenant_context
from mcp_runtime.models import Alert, AlertChannel, AlertDue
from mcp_runtime.services.alerting import alerts_deliver
from mcp_runtime.services.alerts import channel_create, channel_rotate
from tests.billing.ships import ENDPOINT
from tests.billing.stripe.paying import DAY, Shop
from tests.conftest import Cast
from tests.entitled import entitle_outside
from tests.webhook_receiver import Receiver, Webhook, receiver

__all__ = ["receiver"]

LONG_AGO = datetime.now(UTC) - timedelta(days=20_000)
INCLUDED = 5_000_000
DELIVERS = "import django; django.setup(); from mcp_runtime.services.alerting import alerts_deliver; alerts_deliver()"


def hook(cast: Cast, receiver: Receiver) -> Webhook:
    """Alice's webhook to the receiver, which speaks no TLS, as its receiver has it."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        channel, _ = channel_create(actor=actor, name="Hook", kind="webhook", url="https://hook.example.com/a")
        AlertChannel.objects.filter(pk=channel.pk).update(url=f"http://{receiver.address}/a")
        return Webhook(channel_rotate(actor=actor, channel_id=channel.pk))


def due_now(cast: Cast) -> None:
    AlertDue.objects.filter(tenant_id=cast.tenant.id).update(due_at=LONG_AGO)


def told(cast: Cast, receiver: Receiver, webhook: Webhook) -> list[dict[str, Any]]:
    """Has what waits be told, and returns what came that far and can be verified."""
    due_now(cast)
    alerts_deliver()
    came, receiver.came = receiver.came, []
    messages = [webhook.verify(body, headers) for body, headers in came]
    assert {message["type"] for message in messages} <= {"billing.notice"}
    return [change for message in messages for change in message["data"]["changes"]]


def use(cast: Cast, calls: int, name: str = "echo") -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with tenant_context(cast.tenant.id):
        UsageHour.objects.create(
            tenant=cast.tenant, hour=hour, endpoint_id=ENDPOINT, method="tools/call", name=name, principal="key:1",
            calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0, bytes_out=0,
        )  # fmt: skip
    spending_settle(cast.tenant.id)


def test_what_is_used_up_is_told_once_each(cast: Cast, receiver: Receiver) -> None:
    entitle_outside(cast.tenant.id, "professional")
    webhook = hook(cast, receiver)
    use(cast, INCLUDED // 2)
    (half,) = told(cast, receiver, webhook)
    assert (half["about"], half["percent"], half["calls"], half["included"]) == (
        "included",
        50,
        INCLUDED // 2,
        INCLUDED,
    )
    spending_settle(cast.tenant.id)
    assert told(cast, receiver, webhook) == []
    cap_set(actor=cast.acting(cast.alice), cents=10, is_hard=False)
    use(cast, INCLUDED, name="other")
    # As the mail does, the most of each: what lies below it goes without saying.
    assert [(change["about"], change["percent"]) for change in told(cast, receiver, webhook)] == [
        ("included", 100),
        ("cap", 100),
    ]
    assert len([message for message in mail.outbox if message.to == [cast.alice.email]]) == 2


def test_nothing_is_told_of_what_was_undone(cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    entitle_outside(cast.tenant.id, "professional")
    webhook = hook(cast, receiver)
    with monkeypatch.context() as patch:
        patch.setattr(usage_alerts, "_addresses", _fails)
        with pytest.raises(ConnectionError):
            use(cast, INCLUDED)
    with tenant_context(cast.tenant.id):
        assert not UsageAlert.objects.exists()
        assert not Alert.objects.exists()
    spending_settle(cast.tenant.id)
    assert [change["percent"] for change in told(cast, receiver, webhook)] == [100]


def _fails() -> list[str]:
    raise ConnectionError


def test_how_a_payment_goes_is_told_at_each_step(cast: Cast, receiver: Receiver) -> None:
    webhook, plan = hook(cast, receiver), plan_on_sale("professional")
    way = [Standing.ACTIVE, Standing.PAST_DUE, Standing.GRACE, Standing.LAPSED, Standing.ACTIVE]
    for standing in way:
        for _ in range(2):
            with tenant_context(cast.tenant.id):
                entitlement_grant(tenant_id=cast.tenant.id, plan=plan, standing=standing)
    changes = told(cast, receiver, webhook)
    assert [(change["before"], change["standing"]) for change in changes] == [
        ("active", "past_due"),
        ("past_due", "grace"),
        ("grace", "lapsed"),
        ("lapsed", "active"),
    ]
    assert {change["plan"] for change in changes} == {"professional"}


def test_a_failed_payment_and_a_dispute_are_told_once_however_often_events_come(shop: Shop, receiver: Receiver) -> None:
    webhook, cast = hook(shop.cast, receiver), shop.cast
    shop.listen()
    clock = shop.clock()
    shop.buy()
    charge = shop.client.v1.charges.list({}).data[0].id
    dispute = shop.simulator.told("disputes", key=shop.key, charge=charge)["id"]
    clock.pay_with("pm_card_chargeCustomerFail")
    clock.advance(32 * DAY)
    shop.simulator.told("disputes", key=shop.key, close=dispute, status="lost")
    shop.deliver()
    first = told(cast, receiver, webhook)
    assert ("payment", "past_due") in [(change["about"], change.get("standing")) for change in first]
    assert len({(change["about"], change.get("status")) for change in first}) == len(first)
    assert ("dispute", "lost") in [(change["about"], change.get("status")) for change in first]
    StripeEvent.objects.filter(pk__in=[event.id for event in shop.events()]).update(state="received", next_try=LONG_AGO)
    shop.work()
    assert told(cast, receiver, webhook) == []


class Slow(Receiver):
    """Answers the first message only when it may."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        super().__init__()

    @property
    def status(self) -> int:
        self.reached.set()
        self.go_on.wait(60)
        return 204

    @status.setter
    def status(self, _status: int) -> None:
        """Always the same."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow()
    monkeypatch.setenv("OUTBOUND_ALLOW", made.address)
    yield made
    made.go_on.set()
    made.close()


def test_who_is_killed_while_telling_has_another_tell_it_under_the_same_id(cast: Cast, slow: Slow) -> None:
    entitle_outside(cast.tenant.id, "professional")
    webhook = hook(cast, slow)
    use(cast, INCLUDED)
    due_now(cast)
    jobs = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", DELIVERS], env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    )
    assert slow.reached.wait(60)
    jobs.kill()
    jobs.wait(10)
    slow.go_on.set()
    due_now(cast)
    alerts_deliver()
    assert len(slow.came) == 2
    assert len({headers["webhook-id"] for _body, headers in slow.came}) == 1
    for body, headers in slow.came:
        assert webhook.verify(body, headers)["data"]["changes"][0]["percent"] == 100
    alerts_deliver()
    assert len(slow.came) == 2


def test_mail_channels_and_other_tenants_hear_nothing_of_it(cast: Cast) -> None:
    actor, other = cast.acting(cast.alice), cast.acting(cast.charlie, cast.elsewhere)
    with tenant_context(cast.tenant.id):
        channel_create(actor=actor, name="All", kind="mail")
    with tenant_context(cast.elsewhere.id):
        channel_create(actor=other, name="Hook", kind="webhook", url="https://hook.example.com/a")
    entitle_outside(cast.tenant.id, "professional")
    use(cast, INCLUDED)
    for tenant in (cast.tenant, cast.elsewhere):
        with tenant_context(tenant.id):
            assert not Alert.objects.exists()
