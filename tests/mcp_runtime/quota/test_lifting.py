"""What a refusal at a limit of the plan says of the way on."""

import os
import secrets
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from django.utils import timezone

from core.refusals import Refused
from mcp_runtime.quota.leases import Leases
from mcp_runtime.quota.quotas import Quota, Quotas
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.entitled import entitle_outside
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console

CONSOLE = "https://console.example"


@pytest.fixture
async def quota(cast: Cast) -> AsyncIterator[Quota]:
    """The quota of Alice's tenant at a worker."""
    made = Quotas(Leases(os.environ["DATABASE_URL"], secrets.token_hex(8)), time.monotonic, CONSOLE)
    yield made.of(str(cast.tenant.id))
    await made.close()


@pytest.mark.parametrize(
    ("terms", "name", "lifted_by"),
    [
        ({"connections": 1}, "connections", "professional"),
        ({"connections": 3_000}, "connections", ""),
        ({"requests": 0}, "requests", "professional"),
        ({"requests": None, "requests_per_second": 2}, "requests_per_second", "professional"),
    ],
    ids=["connections", "room", "month", "second"],
)
async def test_a_limit_names_the_plan_that_lifts_it(
    quota: Quota, cast: Cast, terms: dict[str, int | None], name: str, lifted_by: str
) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, "developer", **terms))
    said = await _refused_data(quota)
    assert said.get("liftedBy", "") == lifted_by
    if lifted_by:
        assert (said["limit"], said["allowed"]) == (name, terms[name])
        assert said["upgradeUrl"] == f"{CONSOLE}/t/{cast.tenant.slug}/billing/#plans"


async def _refused_data(quota: Quota) -> dict[str, object]:
    """Of the first refusal among so many that stay open."""
    for _ in range(40):
        try:
            await quota.enter()
        except Refused as refused:
            return refused.data
    return {}


async def test_where_no_plan_allows_more_none_is_named(quota: Quota, cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, "unlimited", connections=1))
    said = await _refused_data(quota)
    assert said["liftedBy"] == "developer"


async def test_a_spending_cap_leads_to_where_it_is_raised(quota: Quota, cast: Cast) -> None:
    ends = timezone.now() + timedelta(hours=1)
    await in_console(lambda: entitle_outside(cast.tenant.id, calls_left=0, calls_until=ends))
    with pytest.raises(Refused) as caught:
        await quota.enter_call()
    assert caught.value.data == {"raiseUrl": f"{CONSOLE}/t/{cast.tenant.slug}/billing/cap/"}


async def test_a_client_reads_it_in_the_error(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: entitle_outside(stage.tenant.id, "developer", connections=1))
    client = stage.client(worker)
    stream = client.open_modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    assert await stream.start() == 200
    refused = await client.modern("tools/call", {"name": "echo", "arguments": {}})
    data = refused.json["error"]["data"]
    assert (data["refusal"], data["liftedBy"]) == ("connection_limit_reached", "professional")
    assert data["upgradeUrl"].endswith(f"/t/{stage.tenant.slug}/billing/#plans")
    await stream.leave()
