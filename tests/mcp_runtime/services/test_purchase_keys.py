"""Buyers' keys at the workers: what they open, and that they close with the purchase."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.resale.due import due_note
from billing.resale.models import DueWhat, Offer, Purchase, PurchaseDue, PurchaseStanding
from core.tenancy import tenant_context
from mcp_runtime.services.purchase_keys import purchase_key_issue, purchases_publish
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, make_stage
from tests.mcp_runtime.driving import eventually, in_console


@pytest.fixture
def purchase(stage: Stage) -> Purchase:
    """A paid purchase of the tool `echo`."""
    with tenant_context(stage.tenant.id):
        offer = Offer.objects.create(
            tenant=stage.tenant, endpoint_id=stage.endpoint.pk, slug="echo", name="Echo", tools=["echo"],
            kind="monthly", amount=Decimal(500), currency="usd",
        )  # fmt: skip
        return Purchase.objects.create(
            tenant=stage.tenant, offer=offer, email="a@example.com", token_digest=uuid4().hex,
            standing=PurchaseStanding.ACTIVE, expires_at=timezone.now() + timedelta(hours=1),
        )  # fmt: skip


@pytest.fixture
def secret(purchase: Purchase) -> str:
    return purchase_key_issue(purchase)[1]


@pytest.fixture
def elsewhere(cast: Cast, probe: Probe) -> Stage:
    """Another endpoint of the same seller."""
    return make_stage(cast.tenant, cast.alice)


def stand(purchase: Purchase, standing: PurchaseStanding) -> None:
    """What an event does, and the job that follows."""
    with tenant_context(purchase.tenant_id):
        Purchase.objects.filter(pk=purchase.pk).update(standing=standing)
        due_note(purchase, DueWhat.PUBLISH)
    assert purchases_publish() >= 1
    assert not PurchaseDue.objects.filter(purchase_id=purchase.pk).exists()


async def test_a_buyers_key_opens_what_was_bought_alone(
    stage: Stage, elsewhere: Stage, secret: str, worker: Worker
) -> None:
    client = stage.client(worker, key=secret)
    listed = await client.modern("tools/list")
    assert [tool["name"] for tool in listed.json["result"]["tools"]] == ["echo"]
    assert (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 200
    assert "error" in (await client.modern("tools/call", {"name": "wait", "arguments": {}})).json
    assert (await elsewhere.client(worker, key=secret).modern("tools/list")).status == 401


async def test_a_buyers_key_works_while_the_purchase_stands(
    stage: Stage, purchase: Purchase, secret: str, worker: Worker
) -> None:
    client = stage.client(worker, key=secret)
    for standing, status in (
        (PurchaseStanding.PAST_DUE, 200), (PurchaseStanding.UNPAID, 401), (PurchaseStanding.ACTIVE, 200),
        (PurchaseStanding.ENDED, 401),
    ):  # fmt: skip
        await in_console(partial(stand, purchase, standing))

        async def told(wanted: int = status) -> bool:
            return (await client.modern("tools/list")).status == wanted

        await eventually(told)
    assert (await stage.client(worker).modern("tools/list")).status == 200
